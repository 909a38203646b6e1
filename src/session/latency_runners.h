/* SPDX-License-Identifier: MIT */
/* latency_runners.h - who serves requests in a process: threads, or goroutines, by what its program is.
 *
 * Each process is looked at when it is first met, and again when it runs another program; at most
 * HTTP_PROCESSES_MAX are.
 */
#ifndef SESSION_LATENCY_RUNNERS_H
#define SESSION_LATENCY_RUNNERS_H

#include "base/hash.h"
#include "base/vec.h"
#include "collect/http/requests.h"

struct latency_runners {
	vec(uint32_t) pids;
	struct index index;
	uint32_t last; /* that was met; 0: none */
};

/**
 * latency_runners_meet - a process that serves requests
 * @is_stranger: the kernel did not know what it runs when it read one
 *
 * Return: 0; -errno with fail() said; -ENOMEM.
 */
nodiscard int latency_runners_meet(struct latency_runners *runners, const struct requests *requests,
				   uint32_t pid, bool is_stranger);
void latency_runners_done(struct latency_runners *runners);

#endif
