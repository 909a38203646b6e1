/* SPDX-License-Identifier: MIT */
/* demand.h - one profile on demand: from the call to the named result, in the thread that calls.
 *
 *     starting ──loaded──> running ──time is over, or asked to end──> naming ──> 0
 *
 * Several may run at once, each in a thread of its own; each has programs of its own, so none of them
 * and no continuous profile is slowed down or cut short by another.  What samples in the timer tick begins
 * with programs that lie ready (ahead.h), if they do.
 */
#ifndef SESSION_DEMAND_H
#define SESSION_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "model/profile.h"

enum demand_stage {
	DEMAND_STARTING,
	DEMAND_RUNNING,
	DEMAND_NAMING
};

struct demand_request {
	uint32_t pid; /* 0: the whole host */
	uint32_t rate_hz;
	uint64_t duration_ns;
	enum profile_time time;
	uint64_t min_block_ns; /* shorter waits are added up */
	bool keep_samples;     /* every single one, for the formats that need them */
	uint64_t max_bytes;    /* of the result: at this size sampling ends */
};

enum demand_end {
	DEMAND_DURATION,    /* the time was over */
	DEMAND_STOPPED,     /* it was asked to end */
	DEMAND_TARGET_GONE, /* the process and its children have ended */
	DEMAND_FULL,        /* max_bytes */
};

/* How far it is; told by demand_run() now and then. */
struct demand_progress {
	enum demand_stage stage;
	uint64_t began_mono_ns; /* sampling; 0: not yet */
	uint64_t first_mono_ns; /* the first sample that is kept; 0: none, or not told apart */
	uint64_t samples, lost;
	bool was_ahead; /* its programs lay ready */
};

struct ahead;

struct demand {
	const struct demand_request *request;
	int stop;            /* a descriptor: when it becomes readable, sampling ends */
	struct ahead *ahead; /* may be NULL */
	void (*progress)(void *context, const struct demand_progress *progress);
	void *context;
};

/**
 * demand_run - sample, and name what was sampled
 * @ret_profile: the caller's
 * @ret_end: why sampling ended
 *
 * Return: 0; -ESRCH no such process; -EPERM; -ENOTSUP; -ENOMEM; -errno; with fail() said.
 */
nodiscard int demand_run(const struct demand *demand, struct profile **ret_profile,
			 enum demand_end *ret_end);

/** demand_exists - whether a process is there, and has not ended */
bool demand_exists(uint32_t pid);

/** demand_bytes - memory that a profile takes */
uint64_t demand_bytes(const struct profile *profile);

#endif
