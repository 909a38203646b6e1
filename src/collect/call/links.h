/* SPDX-License-Identifier: MIT */
/* links.h - probes that run one program: all places of a file by one link, or a perf event for each place.
 *
 * Perf events are the last resort, for kernels before 6.6: each takes a descriptor and milliseconds to be taken
 * off, and a thread that is probed pays for them whenever it is switched.
 */
#ifndef COLLECT_CALL_LINKS_H
#define COLLECT_CALL_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "base/vec.h"

#define LINKS_PERF_MAX 512 /* places */

struct links {
	int program;  /* borrowed */
	bool is_perf; /* a perf event for each place */
	vec(int) fds; /* closing them takes the probes off */
};

/* Places of one file. */
struct links_places {
	const uint64_t *offsets, *cookies;
	const uint64_t *semaphores; /* NULL: none */
	uint32_t count;
	bool hooked; /* return probes */
};

/**
 * links_set - all of the places or, where one of them is refused, none
 * @pid: 0: in every process
 *
 * Return: 0; -E2BIG more than LINKS_PERF_MAX, where it comes to that; -errno; without fail().
 */
nodiscard int links_set(struct links *links, const char *path, const struct links_places *places,
			uint32_t pid);

/** links_refused - after links_set() has failed: the cookie of a place that the kernel does not probe */
uint64_t links_refused(const struct links *links, const char *path, struct links_places places,
		       uint32_t pid);

/** links_drop - take all of them off */
void links_drop(struct links *links);

#endif
