/* SPDX-License-Identifier: MIT */
/* keys.h - small tuples of numbers, each distinct one once, numbered in order of arrival.
 *
 * What the output formats call a "table": functions by (name, module), frames by (function, line),
 * stacks by (parent, frame).  The owner keeps what else belongs to a number in an array beside it.
 * Not thread-safe.
 */
#ifndef REPORT_KEYS_H
#define REPORT_KEYS_H

#include "base/hash.h"
#include "base/vec.h"

struct key {
	uint32_t part[4]; /* what the parts mean, the owner says; unused ones are 0 */
};

struct keys {
	vec(struct key) list;
	struct index index;
};

/**
 * keys_add - the number of a tuple, entered when new: then it is the former `list.len`
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int keys_add(struct keys *keys, const struct key *key, uint32_t *ret_id);
void keys_done(struct keys *keys);

#endif
