/* SPDX-License-Identifier: MIT */
/* timings.h - latencies on demand: which functions or requests are timed now, and the results until they expire.
 *
 * Measurements (measurements.h), each of which is a struct timing in a thread of its own.
 */
#ifndef SERVE_TIMINGS_H
#define SERVE_TIMINGS_H

#include "serve/timing.h"

#define TIMINGS_FUNCTIONS_MAX 256 /* that one may probe */

struct timings {
	struct measurements all;
};

/** timings_new - @config: borrowed for good.  Return: 0; -ENOMEM */
nodiscard int timings_new(const struct config *config, const struct log *log,
			  struct timings **ret_timings);

/** timings_free - whatever runs is stopped */
void timings_free(struct timings *timings);

/**
 * timings_start - time; returns at once
 * @plan: functions, already examined; empty for requests; taken over on success
 * @ret_id: MEASUREMENT_ID_BYTES
 *
 * Return: 0; -ESRCH no such process; -E2BIG more functions than may be; else as measurements_start().
 */
nodiscard int timings_start(struct timings *timings, const struct timing_request *request,
			    struct latency_plan *plan, char *ret_id);

/**
 * timings_borrow - to be read, also while it runs; measurements_return(&timings->all, &timing->one)
 *
 * Return: NULL: there is none.
 */
struct timing *timings_borrow(struct timings *timings, const char *id);

#endif
