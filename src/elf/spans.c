/* SPDX-License-Identifier: MIT */
#include "elf/spans.h"

#include <stdbool.h>
#include <string.h>

#define RADIX_BITS 11u /* three passes sort 32 bits; 2,048 counters stay in the L1 cache */
#define RADIX      (1u << RADIX_BITS)

static bool is_sorted(const struct spans *spans)
{
	for (size_t i = 1; i < spans->len; i++)
		if (spans->data[i - 1].start > spans->data[i].start)
			return false;
	return true;
}

static void radix_pass(const struct span *from, struct span *to, size_t len, unsigned shift)
{
	uint32_t places[RADIX] = { 0 }, sum = 0;

	for (size_t i = 0; i < len; i++)
		places[from[i].start >> shift & (RADIX - 1)]++;
	for (unsigned i = 0; i < RADIX; i++) {
		uint32_t count = places[i];

		places[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < len; i++)
		to[places[from[i].start >> shift & (RADIX - 1)]++] = from[i];
}

static int compare_ends(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	return left->end > right->end ? -1 : left->end < right->end;
}

/* Runs of one start: longer first, else in their order.  Runs are short, unless someone made them
 * long on purpose: then merge sort (glibc's qsort is one, hence stable; up to 2.36, and from 2.37
 * on only the order of equal spans would suffer).
 */
static void sort_ends(struct span *run, size_t len)
{
	if (len > 32) {
		qsort(run, len, sizeof(*run), compare_ends);
		return;
	}
	for (size_t i = 1; i < len; i++) {
		struct span moved = run[i];
		size_t at = i;

		for (; at > 0 && run[at - 1].end < moved.end; at--)
			run[at] = run[at - 1];
		run[at] = moved;
	}
}

int spans_sort(struct spans *spans)
{
	if (spans->len > UINT32_MAX)
		return -ENOMEM;
	if (!is_sorted(spans)) {
		struct span *from = spans->data, *to = malloc(spans->len * sizeof(*to));

		if (!to)
			return -ENOMEM;
		for (unsigned shift = 0; shift < 32; shift += RADIX_BITS) {
			struct span *swap = from;

			radix_pass(from, to, spans->len, shift);
			from = to;
			to = swap;
		}
		free(to);
		spans->data = from;
		spans->cap = spans->len;
	}
	for (size_t first = 0, end; first < spans->len; first = end) {
		for (end = first + 1; end < spans->len; end++)
			if (spans->data[end].start != spans->data[first].start)
				break;
		sort_ends(spans->data + first, end - first);
	}
	return 0;
}

/* What the flattening has open: spans that began and did not end yet, innermost last. */
struct sweep {
	struct spans flat;
	vec(struct span) open;
	uint32_t at; /* everything below is done */
};

static int emit(struct sweep *sweep, const struct span *span, uint32_t end)
{
	struct span *last = sweep->flat.len ? &sweep->flat.data[sweep->flat.len - 1] : NULL;
	uint32_t start = sweep->at > span->start ? sweep->at : span->start;

	if (end <= start)
		return 0;
	sweep->at = end;
	if (last && last->end == start && last->value == span->value) {
		last->end = end;
		return 0;
	}
	return vec_push(&sweep->flat, { start, end, span->value });
}

/* Closes what ends at or before `limit`. */
static int close_until(struct sweep *sweep, uint32_t limit)
{
	int err = 0;

	while (!err && sweep->open.len) {
		const struct span *top = &sweep->open.data[sweep->open.len - 1];

		if (top->end > limit)
			break;
		err = emit(sweep, top, top->end);
		sweep->open.len--;
	}
	return err;
}

int spans_flatten(struct spans *spans)
{
	struct sweep sweep = { 0 };
	int err = vec_reserve(&sweep.flat, spans->len);

	for (size_t i = 0; !err && i < spans->len; i++) {
		const struct span *span = &spans->data[i];

		if (span->end <= span->start)
			continue;
		err = close_until(&sweep, span->start);
		if (!err && sweep.open.len)
			err = emit(&sweep, &sweep.open.data[sweep.open.len - 1], span->start);
		err = err ?: vec_push(&sweep.open, *span);
	}
	err = err ?: close_until(&sweep, UINT32_MAX);
	vec_done(&sweep.open);
	if (err) {
		spans_done(&sweep.flat);
		return err;
	}
	spans_done(spans);
	*spans = sweep.flat;
	spans_trim(spans);
	return 0;
}

const struct span *spans_find(const struct spans *spans, uint32_t address)
{
	const struct span *at = spans->data;

	if (!spans->len)
		return NULL;
	/* No branch depends on the address: a mispredicted one costs more than a probe. */
	for (size_t len = spans->len; len > 1;) {
		size_t half = len / 2;

		at += at[half].start <= address ? half : 0;
		len -= half;
	}
	return at->start <= address && address < at->end ? at : NULL;
}

void spans_trim(struct spans *spans)
{
	struct span *less;

	if (!spans->len) {
		spans_done(spans);
		return;
	}
	less = realloc(spans->data, spans->len * sizeof(*less));
	if (less) {
		spans->data = less;
		spans->cap = spans->len;
	}
}

void spans_done(struct spans *spans)
{
	vec_done(spans);
}
