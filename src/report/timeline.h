/* SPDX-License-Identifier: MIT */
/* timeline.h - the single samples of a profile by thread, each thread's in order of time.
 *
 * Samples arrive in order per CPU, not per thread.  A thread is (process, tid), whatever names it
 * bore; threads stand by pid, a process's first thread first, then by tid.
 */
#ifndef REPORT_TIMELINE_H
#define REPORT_TIMELINE_H

#include "model/profile.h"

struct timeline_thread {
	uint32_t process;
	uint32_t tid;
	uint32_t name; /* string: the last one it bore */
	size_t first;  /* of `moments` below */
	size_t count;
};

struct timeline {
	vec(struct timeline_thread) threads;
	uint32_t *moments; /* numbers of profile.moments */
};

/** timeline_build - Return: 0; -ENOMEM.  Either way timeline_done() releases. */
nodiscard int timeline_build(struct timeline *timeline, const struct profile *profile);
void timeline_done(struct timeline *timeline);

#endif
