/* SPDX-License-Identifier: MIT */
#include "serve/held.h"

#include "base/clock.h"

void helds_init(struct helds *all, uint64_t max_bytes)
{
	*all = (struct helds){ .max_bytes = max_bytes };
}

void helds_done(struct helds *all)
{
	vec_done(&all->list);
}

/* NULL: there is none beside @newest. */
static struct held *find_oldest(const struct helds *all, const struct held *newest)
{
	struct held *oldest = NULL;

	vec_each(one, &all->list)
		if (*one != newest && (!oldest || (*one)->moved_mono_ns < oldest->moved_mono_ns))
			oldest = *one;
	return oldest;
}

int held_add(struct helds *all, struct held *held)
{
	struct held *oldest;
	int err = vec_push(&all->list, held);

	if (err)
		return err;
	held->all = all;
	held->moved_mono_ns = clock_mono_ns();
	all->totals.count++;
	all->totals.bytes += held->bytes;
	while (all->totals.bytes > all->max_bytes && (oldest = find_oldest(all, held)) != NULL) {
		held_remove(oldest);
		all->totals.dropped++;
		oldest->drop(oldest);
	}
	return 0;
}

void held_moved(struct held *held)
{
	held->moved_mono_ns = clock_mono_ns();
}

void held_remove(struct held *held)
{
	struct helds *all = held->all;

	if (!all)
		return;
	for (size_t i = 0; i < all->list.len; i++)
		if (all->list.data[i] == held) {
			all->list.data[i] = all->list.data[--all->list.len];
			break;
		}
	all->totals.count--;
	all->totals.bytes -= held->bytes;
	held->all = NULL;
}
