/* SPDX-License-Identifier: MIT */
/* ingest.h - the thread that watches the host and writes the store.
 *
 *     ingest_switch() ──command──> thread: host_drain() ──> store ──> `notify` becomes readable
 *     ingest_status() <──copy───── thread, once a second
 *
 * The server and this thread share nothing else: commands and a copy of the status, both plain messages.
 */
#ifndef SERVE_INGEST_H
#define SERVE_INGEST_H

#include "base/log.h"
#include "serve/incidents.h"
#include "session/host.h"
#include "store/store.h"

#define INGEST_MAX_PARTS    48
#define INGEST_MAX_COMMANDS 64
#define INGEST_DRAIN_NS     200000000ull
#define INGEST_STUCK_NS     30000000000ull /* without a turn of its loop */

struct ingest_part {
	char name[32], why[256];
	enum host_state state;
	bool is_wanted; /* it should be on */
	uint64_t records, lost;
	char lacks[512]; /* what it does not measure here, by semicolons */
};

struct ingest_status {
	uint64_t turned_mono_ns; /* its last turn */
	bool is_started;         /* everything that is wanted was tried once */
	struct ingest_part parts[INGEST_MAX_PARTS];
	size_t part_count;
	struct store_state store;
	uint64_t unix_offset_ns;
	double cpu_percent; /* of one processor, this thread, over the last ten seconds */
	uint64_t rate_hz;   /* of the profile, now */
	uint64_t min_wait_ms;
	char budget[160];     /* what was lowered to keep to the budget; "" */
	bool has_ended;       /* it ended itself */
	uint64_t unseen_ends; /* of processes that were found gone */
	struct incidents_status incidents;
};

struct ingest;

/**
 * ingest_new - open the store; nothing is watched yet
 * @config, @sessions, @timings: borrowed for good
 *
 * Return: 0; as store_open(); with fail() said.
 */
nodiscard int ingest_new(const struct config *config, const struct log *log,
			 struct sessions *sessions, struct timings *timings,
			 struct ingest **ret_ingest);

/** ingest_start - run the thread.  Return: 0; -errno with fail() said */
nodiscard int ingest_start(struct ingest *ingest);

/** ingest_free - end the thread; everything that was accepted is in the store afterwards */
void ingest_free(struct ingest *ingest);

/** ingest_views - of every kind of record; valid as long as the ingest */
const struct record_view *ingest_views(const struct ingest *ingest, size_t *ret_count);

/** ingest_descriptor - becomes readable when rows were committed; read 8 bytes from it */
int ingest_descriptor(const struct ingest *ingest);
void ingest_status(struct ingest *ingest, struct ingest_status *ret_status);

/** ingest_totals - what was counted of the records since it began, over what is in @totals.  0; -ENOMEM */
nodiscard int ingest_totals(struct ingest *ingest, struct rollup_totals *totals);

/** ingest_wants - whether a part should be on by these settings */
bool ingest_wants(const struct ingest *ingest, const struct config *config, const char *name);

/** ingest_switch - a collector, "waits" or "profile" on or off, soon.  Return: 0; -ENOENT; -EAGAIN too many */
nodiscard int ingest_switch(struct ingest *ingest, const char *name, bool on);

#endif
