/* SPDX-License-Identifier: MIT */
/* trial.h - probes on this program itself, to measure what a hit costs here. */
#ifndef COLLECT_CALL_TRIAL_H
#define COLLECT_CALL_TRIAL_H

#include <stdbool.h>

#include "collect/call/calls.h"

/* Entry of one function; entry and return of a second; entry of a third, and its return probe. */
#define TRIAL_SITES     5
#define TRIAL_HOOKED    4 /* the first that is a return probe */
#define TRIAL_LINKS     2
#define TRIAL_FUNCTIONS 3

struct trial_plan {
	const char *path;
	struct call_site sites[TRIAL_SITES];
	uint64_t offsets[TRIAL_SITES];
};

/**
 * trial_plan - what to probe
 * @function: number of the first of its functions
 *
 * Return: whether there is something to probe on this processor.
 */
bool trial_plan(uint32_t function, struct trial_plan *ret_plan);

/** trial_run - call them, and take the time */
void trial_run(struct calls_costs *ret_costs);

#endif
