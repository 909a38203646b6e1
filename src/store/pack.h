/* SPDX-License-Identifier: MIT */
/* pack.h - the samples of one slice of time in few bytes.
 *
 *     slice:  for each thread, by number:  task - task before, how many stacks, then
 *             for each stack, by number:   stack - stack before, (samples << 1 | is_odd), [weight]
 *
 * All are varints (7 bits a byte, least first).  Where is_odd is 0 the weight is samples * period, the
 * period being the first varint of the slice.  Two samples of one stack take 2 to 3 bytes together.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct pack_entry {
	int64_t task, stack; /* numbers in the store */
	uint64_t samples, weight_ns;
};

struct pack {
	vec(uint8_t) bytes;
};

/** pack_slice - pack entries in place of what was there; sorts them.  Return: 0; -ENOMEM */
nodiscard int pack_slice(struct pack *pack, struct pack_entry *entries, size_t count);

static inline bool pack_get(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		number |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = number;
			return true;
		}
	}
	return false;
}

/**
 * pack_each - read a slice
 * @want: whether this task is asked for; NULL: all are
 *
 * Inline so that the compiler inlines @each: a day has ten million entries.
 * Return: 0; -EUCLEAN it makes no sense; what @each returned.
 */
nodiscard static inline int pack_each(const uint8_t *bytes, size_t len,
				      bool (*want)(void *context, int64_t task),
				      int (*each)(void *context, const struct pack_entry *entry),
				      void *context)
{
	const uint8_t *at = bytes, *end = bytes + len;
	struct pack_entry entry = { 0 };
	uint64_t period, step, count, samples;

	if (!pack_get(&at, end, &period))
		return -EUCLEAN;
	while (at < end) {
		bool is_wanted;

		if (!pack_get(&at, end, &step) || !pack_get(&at, end, &count))
			return -EUCLEAN;
		entry.task += (int64_t)step;
		entry.stack = 0;
		is_wanted = !want || want(context, entry.task);
		while (count--) {
			int err;

			if (!pack_get(&at, end, &step) || !pack_get(&at, end, &samples))
				return -EUCLEAN;
			entry.stack += (int64_t)step;
			entry.samples = samples >> 1;
			entry.weight_ns = entry.samples * period;
			if ((samples & 1) && !pack_get(&at, end, &entry.weight_ns))
				return -EUCLEAN;
			err = is_wanted ? each(context, &entry) : 0;
			if (err)
				return err;
		}
	}
	return 0;
}

#endif
