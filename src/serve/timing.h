/* SPDX-License-Identifier: MIT */
/* timing.h - one measurement of latencies: what its thread is told, and what others read meanwhile.
 *
 *     latency_run --report, slow, why--> timing (under its lock) <-- answers, triggers
 *
 * At most TIMING_ROWS_MAX functions or routes are told apart; those beyond are counted in `beyond`.
 */
#ifndef SERVE_TIMING_H
#define SERVE_TIMING_H

#include "model/route.h"
#include "serve/measurements.h"
#include "session/latency.h"
#include "show/latency_heat.h"

#define TIMING_ROWS_MAX    512
#define TIMING_LATEST      50   /* slow calls that are told while it runs, without their stacks */
#define TIMING_WHAT_BYTES  1024 /* of the functions as they were asked for */
#define TIMING_INTERVAL_NS 1000000000ull

struct timing_request {
	uint32_t pid;         /* 0: every process */
	bool is_http;         /* requests, not functions */
	uint16_t port;        /* of requests; 0: each that is listened on */
	char tls[256];        /* of requests: the file that has OpenSSL; "": none */
	uint64_t duration_ns; /* 0: until it is stopped; without slower_ns alone */
	uint64_t slower_ns;   /* from which on a call is explained; 0: none is */
	double max_cost_pct;  /* of one CPU; 0: any */
	bool is_watched;      /* by a trigger: nobody asked for it */
	char what[TIMING_WHAT_BYTES];
};

/* A function or a route. */
struct timing_row {
	const struct latency_function *of; /* while it runs; compared, never looked at */
	struct latency_function function;
	char name[ROUTE_BYTES]; /* of a route */
	struct latency_figures whole;
	struct latency_http http; /* of a route */
	uint64_t recent_calls;    /* in the last interval */
};

struct timing {
	struct measurement one; /* the first member */
	struct timing_request request;
	struct latency_plan plan; /* of functions */
	pthread_mutex_t lock;     /* of what follows */
	uint64_t unix_offset_ns, began_mono_ns, told_mono_ns, attach_ns;
	uint64_t recent_span_ns;
	vec(struct timing_row *) rows;
	uint64_t beyond; /* calls of functions or routes for which there was no row */
	struct heat heat;
	vec(struct latency_slow) slow; /* the latest; when it is over the slowest, explained */
	uint64_t slow_total;
	/* When it is over. */
	struct coverage coverage;
	struct latency_outcome outcome;
	struct profile *profile; /* of the slow calls alone; NULL: none was wanted */
};

/**
 * timing_new - @plan: its functions, empty for requests; taken over on success
 *
 * Return: 0; -ENOMEM; -errno with fail() said.
 */
nodiscard int timing_new(const struct timing_request *request, struct latency_plan *plan,
			 struct timing **ret_timing);

/** timing_run - from the first probe to the last; struct measurements_kind's run() */
nodiscard int timing_run(struct measurement *one);
void timing_free(struct measurement *one);

/** timing_lock - what is told of calls stays as it is until timing_unlock() */
void timing_lock(struct timing *timing);
void timing_unlock(struct timing *timing);

/** timing_row_of - under the lock: its figures so far, as show/latency_json.h wants them */
struct latency_row timing_row_of(const struct timing *timing, size_t number);

#endif
