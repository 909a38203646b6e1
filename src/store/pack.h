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

/**
 * pack_each - read a slice
 * @want: whether this task is asked for; NULL: all are
 *
 * Return: 0; -EUCLEAN it makes no sense; what @each returned.
 */
nodiscard int pack_each(const uint8_t *bytes, size_t len, bool (*want)(void *context, int64_t task),
			int (*each)(void *context, const struct pack_entry *entry), void *context);

#endif
