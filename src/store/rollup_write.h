/* SPDX-License-Identifier: MIT */
/* rollup_write.h - the part of the writer that counts records by steps of time (rollup.h); for src/store alone. */
#ifndef STORE_ROLLUP_WRITE_H
#define STORE_ROLLUP_WRITE_H

#include "base/hash.h"
#include "store/database.h"
#include "store/rollup.h"

struct store;
struct store_kind;
struct record;
struct record_target;

/* What came for one step of 10 s since it was last written. */
struct rollup_part {
	uint64_t at_s;
	uint64_t count, sum, max;
	struct histogram *histogram; /* NULL until one is needed */
};

struct rollup_series {
	int64_t id;      /* in the table; 0: it is not there yet */
	uint64_t last_s; /* the newest step that something came for; 0: none since the start */
	/* Steps that follow one another have different ones, so that records which come late by a moment do
	 * not make us write to and fro.
	 */
	struct rollup_part parts[2];
};

struct rollup_writer {
	vec(struct rollup_series) series; /* by number, as in `totals` */
	struct rollup_totals totals;
	struct index index;                  /* by metric and labels */
	size_t count[ROLLUP_METRICS_MAX];    /* series of each metric */
	size_t kept[ROLLUP_METRICS_MAX];     /* in the table, those whose place another has, too */
	uint64_t full_s[ROLLUP_METRICS_MAX]; /* before then no place becomes free */
	uint64_t pruned_s;
	sqlite3_stmt *add_series, *add, *find, *replace;
};

/* The metrics of one kind of record. */
struct rollup_kind {
	int metrics[ROLLUP_METRICS_MAX];
	size_t count;
	uint32_t events; /* number of the series that counts its records, INDEX_NONE */
	const struct field *at;
};

nodiscard int rollup_writer_open(struct store *store);
void rollup_writer_done(struct rollup_writer *writer);

/** rollup_kind_of - which metrics a kind of record has */
void rollup_kind_of(const struct schema *schema, struct rollup_kind *kind);

/** rollup_take - count a record.  Return: 0; as database_fail(); -ENOMEM */
nodiscard int rollup_take(struct store *store, struct store_kind *kind,
			  const struct record_target *target, const struct record *record);

/** rollup_add - add to a series without record: ROLLUP_OF_CPU, ROLLUP_OF_COVERAGE.  As rollup_take() */
nodiscard int rollup_add(struct store *store, enum rollup_source source, const char *label,
			 const char *value, uint64_t at_unix_ns, uint64_t count, uint64_t sum);

/** rollup_flush - into the open transaction.  Return: 0; as database_fail() */
nodiscard int rollup_flush(struct store *store);

/** rollup_forget - what was not written: its records were rolled back */
void rollup_forget(struct rollup_writer *writer);

/**
 * rollup_delete - some of what is too old, in a transaction of its own
 * @oldest_unix_ns: of all records; UINT64_MAX: there are none
 * @is_too_much: the file is larger than it may be
 */
nodiscard int rollup_delete(struct store *store, uint64_t oldest_unix_ns, bool is_too_much);

#endif
