/* SPDX-License-Identifier: MIT */
/* latency.h - times the calls of functions, from their names to the last figure.
 *
 *     names --latency_plan--> functions, sites --calls (collect)--> counts, records --> sink
 *
 *     sockets --requests (collect)--> records --latency_routes--> figures of routes --> sink
 *
 * One thread.
 */
#ifndef SESSION_LATENCY_H
#define SESSION_LATENCY_H

#include "model/latency.h"
#include "model/sink.h"
#include "session/latency_plan.h"

#define LATENCY_DRAIN_MS 100

/* Why it ended; what is none of them is a failure. */
enum latency_end {
	LATENCY_END_TIME,
	LATENCY_END_SIGNAL,
	LATENCY_END_COUNT,
	LATENCY_END_PROCESS, /* the process that was asked for has ended */
	LATENCY_END_COST,    /* above max_cost_pct */
	LATENCY_END_FILE,    /* a probed file was written to */
};

struct latency_request {
	uint32_t pid;         /* 0: every process */
	uint64_t duration_ns; /* 0: until a signal */
	uint64_t interval_ns;
	uint64_t count;      /* of calls; 0: any */
	double max_cost_pct; /* of one CPU; 0: any */
	bool per_call;
	bool by_perf; /* probes of functions: a perf event for each place, also where the kernel has better */
	bool by_packets;    /* requests in packets, also on kernels with hooks at sockets */
	uint64_t slower_ns; /* from which on a call is explained; 0: none is, unless... */
	uint32_t slowest;   /* ...so many of each function or route in each interval are; 0: not */
	const struct sink *flame; /* how the stacks of the slow ones are written; NULL: not */
	FILE *flame_out;          /* NULL: not */
	FILE *more_out; /* likewise of what the slow ones do more than the others; NULL: not */
	/* Receives the profile of the slow ones alone, without its moments; NULL: not wanted. */
	struct profile **ret_slow;
	const char *cgroup; /* NULL: any; of requests only */
	const char
		*tls;  /* file that has OpenSSL, to see through TLS; NULL: not; of requests only */
	uint16_t port; /* 0: each that is listened on; likewise */
	int stop;      /* a descriptor: when it becomes readable, it ends; 0: signals say so */
	const struct latency_sink *sink;
	struct latency_target target;

	/**
	 * ready - everything is decided and nothing is probed yet
	 *
	 * Return: 0 to go on; else what latency_run() returns.
	 */
	int (*ready)(void *context, const struct latency_plan *plan);

	/** started - from here on calls are counted; @attach_ns: what setting the probes took */
	void (*started)(void *context, const struct latency_plan *plan, uint64_t attach_ns);
	void *context;
};

struct latency_outcome {
	enum latency_end end;
	double cost_pct; /* of one CPU, over the whole time, or when it was too much */
	uint64_t attach_ns, detach_ns;
	const char *file; /* LATENCY_END_FILE: which; belongs to the plan */
	const char *name; /* LATENCY_END_COST: the dearest function */
};

/**
 * latency_run - probe, count, write
 * @plan: with its functions; costs are filled in
 * @coverage: what was lost; the caller has it zeroed, and frees it
 *
 * Return: 0; what `ready` returned; -errno with fail() said.
 */
nodiscard int latency_run(const struct latency_request *request, struct latency_plan *plan,
			  struct coverage *coverage, struct latency_outcome *ret_outcome);

/**
 * latency_run_http - count requests of HTTP/1 servers, write; request->pid: those of this process and its
 * descendants
 * @started: called with plan NULL
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int latency_run_http(const struct latency_request *request, struct coverage *coverage,
			       struct latency_outcome *ret_outcome);

#endif
