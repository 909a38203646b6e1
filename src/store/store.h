/* SPDX-License-Identifier: MIT */
/* store.h - keeps records in one SQLite file: the only connection that writes.
 *
 *     record ──> bound to its kind's INSERT ──> a transaction each 0.7 s or 5,000 rows ──> disk
 *                                                └─ then one slice of what is too old is deleted
 *
 * What cannot be written is counted and written as a row of `loss` as soon as writing works again; the
 * caller is never stopped by a full disk or a broken file.  After a program that ended without
 * store_close() the span of time that may be missing is such a row, too.  One thread; a second writer of
 * the same file is refused.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "model/profile.h"
#include "model/record_sink.h"
#include "store/rollup.h"

struct store_options {
	const char *path;
	uint64_t max_bytes;      /* of the file; 0: any */
	uint64_t max_age_ns;     /* of a row; 0: any */
	uint64_t min_free_bytes; /* that the file system keeps; below it nothing is recorded */
	uint64_t commit_ns;      /* 0: STORE_COMMIT_NS */
	uint32_t commit_rows;    /* 0: STORE_COMMIT_ROWS */
	uint64_t max_incidents;  /* 0: any */
};

/* With what waits in the rings, no more than a second is missing where a machine ends on the spot. */
#define STORE_COMMIT_NS   700000000ull
#define STORE_COMMIT_ROWS 5000
#define STORE_SLICE_ROWS  2000 /* deleted behind each transaction at most */
#define STORE_MAX_PENDING 256  /* kinds of losses that wait to be written */

struct store_state {
	uint64_t committed_seq;              /* the last that readers can see */
	uint64_t rows, lost, deleted;        /* since it was opened */
	uint64_t folded;                     /* counts of a series that had no place of its own */
	uint64_t bytes;                      /* of the file, without free pages */
	uint64_t oldest_seq, oldest_unix_ns; /* 0: nothing is there */
	bool is_failing;
	char why[256]; /* it is failing */
};

struct store;

/**
 * store_open - the file, made if it is not there
 * @views: every kind of record that will come; borrowed for good
 *
 * Return: 0; -EBUSY another kymo writes it; -EPROTO a newer version wrote it; -EUCLEAN it is no store, or
 * broken; -EROFS; -EACCES; -errno; with fail() said.
 */
nodiscard int store_open(const struct store_options *options, const struct record_view *views,
			 size_t view_count, struct store **ret_store);

/** store_close - commit and close in good order */
void store_close(struct store *store);

/* The sink: target->state is the store, set by the caller before begin(). */
extern const struct record_sink store_sink;

enum store_slice_kind {
	STORE_SAMPLES, /* of CPUs */
	STORE_WAITS,   /* that ended in the slice; their weight is how long they were */
};

/* A wait that began before the slice before, with its times. */
struct store_wait {
	uint32_t task, stack; /* of the profile */
	uint64_t from_unix_ns, to_unix_ns;
};

/* The samples of a slice of time; every frame has its names. */
struct store_slice {
	enum store_slice_kind kind;
	const struct profile *profile;
	const struct store_wait *waits; /* that stand in no entry */
	size_t wait_count;
	uint64_t min_wait_ns; /* shorter waits are in neither */
	uint64_t from_unix_ns, to_unix_ns;
	uint64_t lost; /* samples */
	bool is_new;   /* the profile has other numbers than that of the slice before */
};

/** store_add_slice - Return: 0, also when it could not be written: then it is counted; -ENOMEM */
nodiscard int store_add_slice(struct store *store, const struct store_slice *slice);

/** store_cover - a collector was on for this time.  Return: 0, also when it could not be written; -ENOMEM */
nodiscard int store_cover(struct store *store, const char *collector, uint64_t from_unix_ns,
			  uint64_t to_unix_ns);

/* A process that is not over. */
struct store_life {
	uint64_t seq; /* of its first record */
	uint32_t pid;
	uint64_t at_unix_ns;
};

/**
 * store_lives - the processes that are not over, by PID
 * @after_pid: those before it have been told
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int store_lives(struct store *store, uint32_t after_pid, struct store_life *lives,
			  size_t max, size_t *ret_count);

/**
 * store_end_life - of a process that is gone, though nobody saw it end: it has no exit code
 * @known_unix_ns: when it was known to be there last
 *
 * Return: 0, also when it could not be written; -ENOMEM.
 */
nodiscard int store_end_life(struct store *store, uint64_t seq, uint64_t known_unix_ns);

/** store_copy_totals - what was counted since it was opened, over what is in @totals.  Return: 0; -ENOMEM */
nodiscard int store_copy_totals(const struct store *store, struct rollup_totals *totals);

/** store_next_seq - the number of the next record */
uint64_t store_next_seq(const struct store *store);

#define STORE_MORE 2

/**
 * store_add_incident - the profile of an incident, by the number of its beginning: some of it each time, so that
 * whoever records is not kept from it
 *
 * Return: 0; STORE_MORE: call again, soon, with the same; 1 it could not be written; -ENOMEM.
 */
nodiscard int store_add_incident(struct store *store, uint64_t incident,
				 const struct profile *profile);

/** store_tick - commit what is due, delete what is too old; call at least once a second */
void store_tick(struct store *store, bool must_commit);
void store_state(const struct store *store, struct store_state *ret_state);

#endif
