/* SPDX-License-Identifier: MIT */
/* storm.h - things of known number that happen: for `kymo selftest`.
 *
 * They are done by a process of their own, which writes down what it did where its parent sees it.
 */
#ifndef SESSION_STORM_H
#define SESSION_STORM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"

#define STORM_MAX 4096 /* of each kind */

enum storm_kind {
	STORM_PROCESSES,   /* numbers: PIDs */
	STORM_CONNECTIONS, /* numbers: ports of the clients */
	STORM_WRITES,      /* numbers: none */
	STORM_SIGNALS,     /* numbers: none */
	STORM_FAULTS,      /* numbers: none; page faults that read a disk */
	STORM_KIND_COUNT
};

/* What happened. */
struct storm_truth {
	uint32_t count[STORM_KIND_COUNT];
	uint32_t numbers[STORM_KIND_COUNT][STORM_MAX];
	int error[STORM_KIND_COUNT]; /* errno for which it was given up; 0: none */
	uint16_t port;               /* of the server */
};

struct storm {
	pid_t pid;
	struct storm_truth *truth; /* shared with it */
};

/**
 * storm_begin - fork the process; it waits until storm_end()
 * @count: how often each kind is done, at most STORM_MAX
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int storm_begin(struct storm *storm, uint32_t count, int *ret_release);

/** storm_is_over - whether the process has ended; it is waited for */
bool storm_is_over(struct storm *storm);
void storm_done(struct storm *storm);

#endif
