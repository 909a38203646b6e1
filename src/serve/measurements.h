/* SPDX-License-Identifier: MIT */
/* measurements.h - what is measured on demand, in a thread each, and what it came to until that expires.
 *
 *     start ──> starting ──> running ──> naming ──> done ─┐
 *                   │           │                         ├──> expired: gone
 *                   │           └── cancel ──> cancelled  │
 *                   └──> failed, with the reason ─────────┘
 *
 * Ceilings, of each kind: [profiler] max_concurrent_sessions, beyond which a start is refused;
 * result_max_bytes for all results and MEASUREMENTS_MAX_KEPT for their number, beyond which the oldest that
 * are over expire; result_max_age_s.  Those of incidents are started apart from the first.  What runs is never ended in favour of another.  Call from any thread.
 */
#ifndef SERVE_MEASUREMENTS_H
#define SERVE_MEASUREMENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/vec.h"
#include "serve/config.h"
#include "serve/message.h"

#define MEASUREMENT_ID_BYTES  37 /* a UUID in lower case, and its NUL */
#define MEASUREMENTS_MAX_KEPT 256
#define MEASUREMENTS_UNREAD_S 60 /* for so long no result expires for its size before it was read */

enum measurement_stage {
	MEASUREMENT_STARTING,
	MEASUREMENT_RUNNING,
	MEASUREMENT_NAMING,
	MEASUREMENT_DONE,
	MEASUREMENT_CANCELLED,
	MEASUREMENT_FAILED,
	MEASUREMENT_STAGE_COUNT
};

/** measurement_stage_name - "running", "done", ... */
const char *measurement_stage_name(enum measurement_stage stage);

/* The first member of whatever a kind of measurement keeps.  What is not of one thread lies under the lock. */
struct measurement {
	struct measurements *all;
	char id[MEASUREMENT_ID_BYTES];
	enum measurement_stage stage;
	char why[256];       /* it failed */
	uint64_t at_unix_ns; /* when it was asked for */
	uint64_t at_mono_ns, over_mono_ns;
	uint64_t expires_unix_ns; /* what is over; 0: it is not */
	uint64_t bytes;           /* of its result; set by run() */
	uint64_t cpu_ns;          /* that its thread has used; of what is over */
	bool is_of_incident;      /* nobody asked for it: a trigger has fired */
	int stop;                 /* a descriptor: when it becomes readable, it should end */
	bool is_cancelled;        /* nobody wants its result */
	bool is_over;
	unsigned users;    /* who has it borrowed */
	bool is_read;      /* somebody had, when it was over */
	bool is_forgotten; /* no longer in the list; the last user frees it */
	bool has_thread;
	pthread_t thread;
};

struct measurements_kind {
	const char *noun;                      /* "session" */
	int (*run)(struct measurement *one);   /* in its thread; 0; -errno with fail() said */
	void (*free)(struct measurement *one); /* all of it, its memory too */
};

struct measurements_totals {
	uint64_t running, of_incidents; /* all, and those that nobody asked for */
	uint64_t kept, kept_bytes;
	uint64_t started, refused, failed, cancelled, expired;
};

struct measurements {
	const struct measurements_kind *kind;
	const struct config *config;
	const struct log *log;
	pthread_mutex_t lock;
	vec(struct measurement *) list; /* the oldest first */
	struct measurements_totals totals;
	bool is_ending;
};

/** measurements_init - @config: borrowed for good; [profiler] has the ceilings */
void measurements_init(struct measurements *all, const struct measurements_kind *kind,
		       const struct config *config, const struct log *log);

/** measurements_done - whatever runs is cancelled */
void measurements_done(struct measurements *all);

/**
 * measurement_init - give a measurement its identity; one->stop is -1 where this fails
 *
 * Return: 0; -errno with fail() said.  Either way it is freed by kind->free().
 */
nodiscard int measurement_init(struct measurement *one);

/** measurement_done - for kind->free() */
void measurement_done(struct measurement *one);

/**
 * measurements_start - run; returns at once
 * @one: after measurement_init(); on success it belongs to @all, else to the caller
 * @ret_id: MEASUREMENT_ID_BYTES
 *
 * Return: 0; -EBUSY as many run as may, or too much waits to be read; -EPERM [ebpf] enabled
 * is false; -ENOMEM; -errno; with fail() said.
 */
nodiscard int measurements_start(struct measurements *all, struct measurement *one, char *ret_id);

/** measurement_refused - where @err is why a start was refused: the answer to it, and true */
bool measurement_refused(int err, struct response *response);

/** measurements_lock - what is in the list and has not expired stays as it is until measurements_unlock() */
void measurements_lock(struct measurements *all);
void measurements_unlock(struct measurements *all);

/** measurements_find - under the lock.  NULL: there is none */
struct measurement *measurements_find(struct measurements *all, const char *id);

/** measurements_cancel - end what runs, without a result; forget what is over.  0; -ENOENT without fail() */
nodiscard int measurements_cancel(struct measurements *all, const char *id);

/** measurements_stop - end what runs, with its result.  0; -ENOENT without fail() */
nodiscard int measurements_stop(struct measurements *all, const char *id);

/** measurements_borrow - one that stays until measurements_return(), also when it is forgotten.  NULL: there is none */
struct measurement *measurements_borrow(struct measurements *all, const char *id);
void measurements_return(struct measurements *all, struct measurement *one);

/** measurements_tick - now and then: what has expired goes */
void measurements_tick(struct measurements *all);
void measurements_totals(struct measurements *all, struct measurements_totals *ret_totals);

#endif
