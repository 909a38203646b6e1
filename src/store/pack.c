/* SPDX-License-Identifier: MIT */
#include "store/pack.h"

#include <errno.h>

#define VARINT_BYTES 10

static int put(struct pack *pack, uint64_t number)
{
	int err = vec_reserve(&pack->bytes, VARINT_BYTES);

	if (err)
		return err;
	for (; number >= 0x80; number >>= 7)
		pack->bytes.data[pack->bytes.len++] = (uint8_t)(number | 0x80);
	pack->bytes.data[pack->bytes.len++] = (uint8_t)number;
	return 0;
}

static int order(const void *a, const void *b)
{
	const struct pack_entry *x = a, *y = b;

	if (x->task != y->task)
		return x->task > y->task ? 1 : -1;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

/* What one sample stands for, where most entries agree. */
static uint64_t period_of(const struct pack_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].samples == 1)
			return entries[i].weight_ns;
	return count && entries[0].samples ? entries[0].weight_ns / entries[0].samples : 0;
}

static int put_entry(struct pack *pack, const struct pack_entry *entry, int64_t before,
		     uint64_t period)
{
	bool is_odd = entry->weight_ns != entry->samples * period;
	int err = put(pack, (uint64_t)(entry->stack - before));

	err = err ?: put(pack, entry->samples << 1 | is_odd);
	return err ?: is_odd ? put(pack, entry->weight_ns) : 0;
}

int pack_slice(struct pack *pack, struct pack_entry *entries, size_t count)
{
	uint64_t period = period_of(entries, count);
	int64_t task = 0;
	int err;

	pack->bytes.len = 0;
	if (count)
		qsort(entries, count, sizeof(*entries), order);
	err = put(pack, period);
	for (size_t i = 0; !err && i < count;) {
		size_t end = i;
		int64_t stack = 0;

		while (end < count && entries[end].task == entries[i].task)
			end++;
		err = put(pack, (uint64_t)(entries[i].task - task));
		err = err ?: put(pack, end - i);
		task = entries[i].task;
		for (; !err && i < end; i++) {
			err = put_entry(pack, &entries[i], stack, period);
			stack = entries[i].stack;
		}
	}
	return err;
}
