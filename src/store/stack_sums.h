/* SPDX-License-Identifier: MIT */
/* stack_sums.h - what the slices of a query add up to, by thread and stack; for src/store alone.
 *
 *     first[stack] ──> sum of one thread ──> sum of another ──> ...
 *
 * Numbers of stacks are dense, and few threads have a stack in common, so that nothing is hashed.
 */
#ifndef STORE_STACK_SUMS_H
#define STORE_STACK_SUMS_H

#include "base/vec.h"

struct stack_sum {
	uint32_t task, stack; /* numbers in the store */
	uint32_t next;        /* of the same stack, + 1; 0: none */
	uint64_t samples, weight_ns;
};

struct stack_sums {
	vec(struct stack_sum) list; /* in the order in which they came first */
	vec(uint32_t) first;        /* by stack: place in the list + 1; 0: none */
	uint64_t samples, weight_ns;
};

void stack_sums_done(struct stack_sums *sums);

/**
 * stack_sums_new - a sum of nothing yet
 * @ret_place: in the list, + 1
 *
 * Return: 0; -E2BIG at PROFILE_MAX_ENTRIES; -ENOMEM; -EUCLEAN a number that makes no sense, with fail() said.
 */
nodiscard int stack_sums_new(struct stack_sums *sums, int64_t task, int64_t stack,
			     uint32_t *ret_place);

/** stack_sums_add - Return: as stack_sums_new() */
nodiscard static inline int stack_sums_add(struct stack_sums *sums, int64_t task, int64_t stack,
					   uint64_t samples, uint64_t weight_ns)
{
	uint32_t place =
		stack >= 0 && (uint64_t)stack < sums->first.len ? sums->first.data[stack] : 0;

	while (place && sums->list.data[place - 1].task != task)
		place = sums->list.data[place - 1].next;
	if (!place) {
		int err = stack_sums_new(sums, task, stack, &place);

		if (err)
			return err;
	}
	sums->list.data[place - 1].samples += samples;
	sums->list.data[place - 1].weight_ns += weight_ns;
	sums->samples += samples;
	sums->weight_ns += weight_ns;
	return 0;
}

#endif
