/* SPDX-License-Identifier: MIT */
/* latency.h - how long the calls of functions took, and the ways to write it.
 *
 * A percentile is the middle of the bucket that it falls into: at most LATENCY_ERROR_PCT off.  One that
 * fewer than LATENCY_BEHIND calls exceed is not told: another run would give another one.
 */
#ifndef MODEL_LATENCY_H
#define MODEL_LATENCY_H

#include <stdio.h>

#include "model/coverage.h"
#include "model/profile.h"
#include "probe/call.wire.h"
#include "probe/http.wire.h"
#include "probe/reason.wire.h"

#define LATENCY_ERROR_PCT 3.125 /* half of 1/16 */
#define LATENCY_BEHIND    10
#define LATENCY_NONE      UINT64_MAX
#define LATENCY_STATUSES  6

/* What was counted of a function, in an interval or altogether. */
struct latency_figures {
	uint64_t calls, sum_ns, max_ns;
	uint64_t unseen; /* ended, and their beginning was not seen: they ran before us */
	uint64_t cut;  /* left by an exception, longjmp or panic: how long they took is not known */
	uint64_t hits; /* of probes */
	uint64_t buckets[CALL_BUCKETS];
};

struct latency_function {
	const char *name;
	const char *file;
	const char *how;            /* how its calls are seen */
	uint64_t entry_ns, exit_ns; /* what the probes add to a call, as expected; 0: not known */
	bool is_counted;            /* its calls can be counted, and not timed */
};

/* What else is counted of a route of an HTTP server; the figures are of whole requests. */
struct latency_http {
	uint64_t statuses[LATENCY_STATUSES]; /* 0: not known; 1xx to 5xx */
	uint64_t in_bytes, out_bytes;
	struct latency_figures queue;   /* arrived, and not yet read by the server */
	struct latency_figures service; /* read, and nothing answered yet */
	uint16_t port;                  /* 0: not known */
	uint8_t way;                    /* enum http_way */
	/* What the CPU time of requests is, from reading to answering, by samples; how many of them it is known
	 * of, in [HTTP_CPU_KNOWN]; and why it is not of the others.
	 */
	uint64_t cpu_ns, cpu_samples;
	uint64_t cpu_requests[HTTP_CPU_STATES];
};

struct latency_row {
	const struct latency_function *function;
	const struct latency_figures *figures;
	const struct latency_http *http; /* NULL: a function */
};

/* Of a request: what a call has not. */
struct latency_exchange {
	const char *request;   /* method and target, as they were sent */
	bool is_cut;           /* the target is longer */
	uint16_t port, status; /* 0: not known */
	uint8_t way;           /* enum http_way */
	uint64_t queue_ns;     /* LATENCY_NONE: it had arrived before we looked */
	uint64_t service_ns;
	uint64_t in_bytes, out_bytes;
};

/* An argument that was asked for. */
struct latency_argument {
	uint8_t number; /* from 1 on */
	uint8_t kind;   /* enum call_arg_kind */
	uint8_t state;  /* enum call_arg_state */
	uint64_t value; /* CALL_ARG_INT, CALL_ARG_INT32 */
	char text[CALL_TEXT_BYTES + 1];
};

struct latency_arguments {
	struct latency_argument list[CALL_ARGS_MAX];
	size_t count;
};

struct latency_call {
	const struct latency_function *function;
	uint64_t at_mono_ns; /* when it ended */
	uint64_t took_ns;
	uint32_t pid, tid;
	uint64_t goroutine;                        /* 0: none, or not known */
	const struct latency_exchange *http;       /* NULL: a call of a function */
	const struct latency_arguments *arguments; /* NULL: none were asked for */
};

/* One output being written. */
struct latency_target {
	FILE *out; /* NULL: the sink keeps what it is told */
	uint64_t unix_offset_ns;
	unsigned width; /* of the terminal; 0: as wide as it comes */
	bool ascii;
	bool in_place;               /* a terminal, where a picture may be drawn over */
	bool per_call;               /* the calls are what is wanted */
	bool is_http;                /* requests, not functions */
	bool lacks_cpu;              /* no request's CPU time is known */
	const struct call_arg *args; /* that are told of each call */
	size_t arg_count;
	void *state; /* the sink's own */
};

/* What happened between two instants. */
struct latency_report {
	uint64_t at_mono_ns, span_ns;
	bool is_final; /* altogether, and the end */
	const struct latency_row *rows;
	size_t count;
	const struct coverage *coverage; /* is_final: what was lost; else NULL */
};

#define LATENCY_STACKS 5 /* of one call */

struct latency_stack {
	uint32_t stack; /* of the profile */
	uint8_t reason; /* enum block_reason; 0: it ran */
	uint64_t ns;
};

/* Why a call took so long: the time of its thread.  Of a request it is that of its service. */
struct latency_slow {
	struct latency_call call;
	struct latency_exchange http;       /* where call.http is set */
	char request[144];                  /* likewise */
	struct latency_arguments arguments; /* where call.arguments is set */
	uint64_t interval; /* that shows it, by number; where the slowest of each are wanted */
	uint64_t began_mono_ns, ended_mono_ns; /* of what is divided */
	const char *not_divided;               /* why nothing below is known; NULL: it is */
	bool is_divided;                       /* what is below is there */
	uint64_t running_ns, runq_ns;
	uint64_t blocked_ns[BLOCK_UNSEEN + 1];       /* by enum block_reason */
	struct latency_stack stacks[LATENCY_STACKS]; /* where most of it went, longest first */
	size_t stack_count;
};

struct latency_why {
	const struct latency_slow *calls; /* the slowest first */
	size_t count;
	uint64_t total, slower_ns; /* calls above the threshold, of which the slowest were kept */
	uint32_t slowest; /* of each function or route and interval; 0: those above the threshold */
	const struct profile *profile;
};

struct latency_sink {
	const char *name;
	int (*begin)(struct latency_target *target); /* may be NULL, as all but report() */
	int (*call)(struct latency_target *target, const struct latency_call *call);
	int (*slow)(struct latency_target *target,
		    const struct latency_slow *slow); /* at once, not yet divided */
	int (*divided)(struct latency_target *target,
		       const struct latency_slow *slow); /* some of these, soon; stacks unnamed */
	int (*report)(struct latency_target *target, const struct latency_report *report);
	int (*why)(struct latency_target *target, const struct latency_why *why);
	void (*end)(struct latency_target *target);
};

/** latency_has_bytes - whether the bytes of requests that are seen in this way are known */
bool latency_has_bytes(uint8_t way);

/* Why the CPU time of a request is not known, by enum http_cpu. */
struct latency_cpu_reason {
	const char *key, *words;
};
extern const struct latency_cpu_reason latency_cpu_reasons[HTTP_CPU_STATES];

/** latency_read_arguments - @args: what was asked for, in the order of @told */
void latency_read_arguments(struct latency_arguments *arguments, const struct call_arg *args,
			    size_t count, const struct call_arguments *told);

/**
 * latency_quantile - the time that a share of the calls did not exceed
 * @share: 0 to 1
 *
 * Return: LATENCY_NONE where too few calls support it.
 */
uint64_t latency_quantile(const struct latency_figures *figures, double share);

/** latency_count - one more */
void latency_count(struct latency_figures *figures, uint64_t took_ns);

/** latency_errors - calls that were cut off, or answers 5xx */
uint64_t latency_errors(const struct latency_row *row);

/** latency_take - copy what is counted.  @turn: which greatest value is meant */
void latency_take(struct latency_figures *figures, const volatile struct call_counts *counts,
		  unsigned turn);

/** latency_slow_own - a copy refers to what lies in itself */
void latency_slow_own(struct latency_slow *slow);

/** latency_slow_told - to a sink that wants slow calls at once.  Return: 0; what it returned */
nodiscard int latency_slow_told(const struct latency_sink *sink, struct latency_target *target,
				struct latency_slow *slow);

/** latency_flush - Return: 0; -errno with fail() said */
nodiscard int latency_flush(const struct latency_target *target);

/** latency_add - what another interval brought */
void latency_add(struct latency_figures *figures, const struct latency_figures *more);

/** latency_subtract - leave what came since @before; the greatest value stays */
void latency_subtract(struct latency_figures *figures, const struct latency_figures *before);

#endif
