/* SPDX-License-Identifier: MIT */
#include "resolve/unnamed.h"

#define DIGITS 16u /* bytes of both keys, the lowest of the address first */

/* A radix sort that leaves out the digits in which all are equal: most of them. */
static unsigned digit_of(const struct unnamed *at, unsigned digit)
{
	return (digit < 8 ? at->address >> 8 * digit : at->group >> 8 * (digit - 8)) & 0xff;
}

static void sort_by_digit(const struct unnamed *from, struct unnamed *to, size_t len,
			  unsigned digit, const size_t counts[256])
{
	size_t places[256], sum = 0;

	for (unsigned i = 0; i < 256; i++) {
		places[i] = sum;
		sum += counts[i];
	}
	for (size_t i = 0; i < len; i++)
		to[places[digit_of(&from[i], digit)]++] = from[i];
}

int unnamed_sort(struct unnamed_list *list)
{
	size_t counts[DIGITS][256] = { 0 }, len = list->frames.len;
	struct unnamed *from = list->frames.data, *to;

	if (len < 2)
		return 0;
	to = malloc(len * sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		for (unsigned digit = 0; digit < DIGITS; digit++)
			counts[digit][digit_of(&from[i], digit)]++;
	for (unsigned digit = 0; digit < DIGITS; digit++) {
		struct unnamed *swap = from;

		if (counts[digit][digit_of(&from[0], digit)] == len)
			continue;
		sort_by_digit(from, to, len, digit, counts[digit]);
		from = to;
		to = swap;
	}
	free(to);
	list->frames.data = from;
	list->frames.cap = len;
	return 0;
}
