/* SPDX-License-Identifier: MIT */
/* watch.h - one run of collectors, until somebody has seen enough.
 *
 *     engine (collect) --records--> filter --> sink
 *
 * What the filter can tell in the kernel it tells there (struct event_filter); the rest here, from the
 * fields of each record.  One thread.
 */
#ifndef SESSION_WATCH_H
#define SESSION_WATCH_H

#include "collect/engine.h"
#include "model/record_sink.h"
#include "session/watch_tree.h"

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
	struct watch_tree *tree; /* only events of these processes; NULL: any */
	const struct record_sink *sink;
	struct record_target target; /* without views; the session adds them */
};

struct watch;

/**
 * watch_open - load the collectors
 * @request: borrowed until watch_close()
 * @coverage: what was lost and what was not measured; the caller has it zeroed, and frees it
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int watch_open(const struct watch_request *request, struct coverage *coverage,
			 struct watch **ret_watch);

/** watch_start - from here on nothing is missed, and whoever reads is told.  As watch_open() */
nodiscard int watch_start(struct watch *watch);

/** watch_drain - write what came, at least every WATCH_DRAIN_MS.  As watch_open() */
nodiscard int watch_drain(struct watch *watch);

/** watch_descriptor - readable when a drain is due before its time, for poll() */
int watch_descriptor(const struct watch *watch);

/** watch_finish - stop, and write the rest.  As watch_open() */
nodiscard int watch_finish(struct watch *watch);
void watch_close(struct watch *watch);
own_define(struct watch, watch_close)

/**
 * watch_run - watch and write, until SIGINT, SIGTERM or SIGHUP, or the end that the request names
 *
 * Return: as watch_open().
 */
nodiscard int watch_run(const struct watch_request *request, struct coverage *coverage);

#endif
