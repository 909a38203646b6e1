/* SPDX-License-Identifier: MIT */
/* ingest_parts.h - what the parts of the recording's thread share; for src/serve/ingest*.c alone. */
#ifndef SERVE_INGEST_PARTS_H
#define SERVE_INGEST_PARTS_H

#include <pthread.h>

#include "model/life.h"
#include "serve/census.h"
#include "serve/ingest.h"

struct command {
	char name[32];
	bool on;
};

struct ingest {
	const struct config *config;
	const struct log *log;
	struct host *host;
	vec(struct record_view) views; /* of all records, and of whole lives */
	struct life life;
	struct store *store;
	struct incidents *incidents;
	struct census census;
	int wake, notify;
	pthread_t thread;
	bool is_running;

	/* The thread's own. */
	uint64_t slice_from_unix_ns, slice_due_ns, slice_lost[HOST_KIND_COUNT];
	bool is_new_profile;
	struct host_waits waits; /* of the slice */
	vec(struct store_wait) long_waits;
	uint64_t said_seq, said_ns;
	uint64_t switches;        /* of collectors */
	uint64_t covered_unix_ns; /* until then it was told which collectors were on */
	uint64_t window_began_ns, window_cpu_ns;
	unsigned above;
	struct ingest_status next;

	/* Shared, under the lock. */
	pthread_mutex_t lock;
	bool must_stop;
	vec(struct command) commands;
	struct ingest_status status;
	struct rollup_totals totals;
};

/** ingest_is_on - whether a part is attached */
bool ingest_is_on(const struct ingest *ingest, const char *name);

/** ingest_busy - for host_each_busy(): the triggers are told */
void ingest_busy(void *context, uint32_t pid, const char *comm, uint64_t ns);

/** ingest_part_lost - what a part has lost so far */
uint64_t ingest_part_lost(struct ingest *ingest, const char *name);

/** ingest_begin_slice - the next slice covers what is recorded from now on */
void ingest_begin_slice(struct ingest *ingest);

/** ingest_end_slice - what was sampled since the last goes to the store; @is_last: of this recording.  0; -ENOMEM */
nodiscard int ingest_end_slice(struct ingest *ingest, bool is_last);

/** ingest_begin_window - of the budget, from now on */
void ingest_begin_window(struct ingest *ingest);

/** ingest_keep_budget - less is recorded where it has been too much for some time.  Return: 0; -ENOMEM */
nodiscard int ingest_keep_budget(struct ingest *ingest, uint64_t now);

#endif
