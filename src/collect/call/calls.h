/* SPDX-License-Identifier: MIT */
/* calls.h - times the calls of functions by probes that somebody has chosen (elf/code.h).
 *
 *     calls_open     loads the program; nothing is probed yet
 *     calls_measure  what a hit costs on this machine, by probes on this program itself
 *     calls_attach   one link for each file, or as the last resort a perf event for each place; hits
 *                    change nothing yet
 *     calls_arm      from here on calls are counted
 *     calls_close    detaches
 *
 * A file is probed by its descriptor, so it is the one that was examined, whatever its name means by
 * now.  One thread.
 */
#ifndef COLLECT_CALL_CALLS_H
#define COLLECT_CALL_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "probe/call.wire.h"

struct calls_file {
	int fd;         /* borrowed */
	uint32_t first; /* of its sites */
	uint32_t count;
	uint32_t hooked; /* of them, the last ones: return probes */
};

struct calls_request {
	const struct call_site *sites;
	const uint64_t *offsets; /* of the sites, bytes into their files */
	const uint64_t
		*semaphores; /* likewise, of what makes a probe point active; 0: nothing does */
	uint32_t site_count;
	const struct calls_file *files;
	uint32_t file_count;
	uint32_t function_count;
	uint32_t pid; /* 0: every process, also those that start later */
	bool is_perf; /* a perf event for each place, also where the kernel has better */
	struct call_options options;

	/** each - @arguments: NULL where none are asked for.  0, or -errno to stop */
	int (*each)(void *context, const struct call_record *record,
		    const struct call_arguments *arguments);
	void *context;
};

/* What one hit of a probe costs the thread that comes by, measured here. */
struct calls_costs {
	uint64_t ns[CALL_COSTS];
};

struct calls;

/**
 * calls_open - load, and set probes on this program itself
 *
 * Return: 0; -EPERM; -ENOTSUP the kernel has no such probes; -ENOMEM; -errno; with fail() said.
 */
nodiscard int calls_open(const struct calls_request *request, struct calls **ret_calls);

/** calls_by_perf - whether each place takes a perf event: asked for, or the kernel has nothing better */
bool calls_by_perf(const struct calls *calls);

void calls_measure(struct calls *calls, struct calls_costs *ret_costs);

/**
 * calls_attach - set every probe
 * @ret_site: where the kernel refuses one, its number
 *
 * Return: 0; -EOPNOTSUPP the kernel refuses the probe at @ret_site; -errno with fail() said.
 */
nodiscard int calls_attach(struct calls *calls, uint32_t *ret_site);
void calls_arm(struct calls *calls);

/** calls_disarm - hits change nothing any more; what is in the ring stays */
void calls_disarm(struct calls *calls);

/** calls_detach - takes every probe off */
void calls_detach(struct calls *calls);

/** calls_drain - hand on the records.  Return: 0; what `each` returned; -errno with fail() said */
nodiscard int calls_drain(struct calls *calls);

/** calls_descriptor - readable when the ring is filling up */
int calls_descriptor(const struct calls *calls);

/** calls_counts - of a function; changes while it is read */
const volatile struct call_counts *calls_counts(const struct calls *calls, uint32_t function);

/** calls_turn - end an interval: its greatest values are in max_ns[] at the index returned */
unsigned calls_turn(struct calls *calls);

/** calls_control - of the program; changes while it is read */
const volatile struct call_control *calls_control(const struct calls *calls);
void calls_close(struct calls *calls);
own_define(struct calls, calls_close)

#endif
