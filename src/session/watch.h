/* SPDX-License-Identifier: MIT */
/* watch.h - one run of collectors, until somebody has seen enough.
 *
 *     engine (collect) --records--> filter --> sink
 *
 * What the filter can tell in the kernel it tells there (struct event_filter); the rest here, from the
 * fields of each record.  SIGINT, SIGTERM and SIGHUP end the watching, not the session.  One thread.
 */
#ifndef SESSION_WATCH_H
#define SESSION_WATCH_H

#include "collect/engine.h"
#include "model/record_sink.h"

#define WATCH_DRAIN_MS 100

struct watch_request {
	struct engine_request engine;
	const char *cgroup;   /* a path; NULL: any */
	uint64_t duration_ns; /* 0: until a signal */
	uint64_t count;       /* records at most; 0: any */
	uint64_t min_duration_ns;
	uint32_t port;  /* 0: any */
	uint32_t error; /* an errno; 0: any */
	bool has_address;
	struct net_address address;
	const struct record_sink *sink;
	struct record_target target; /* without views; the session adds them */
};

/**
 * watch_run - watch and write
 * @coverage: what was lost and what was not measured; the caller has it zeroed, and frees it
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int watch_run(const struct watch_request *request, struct coverage *coverage);

#endif
