/* SPDX-License-Identifier: MIT */
/* reader.h - gives records back: one connection that only reads, beside the one that writes.
 *
 * A query names kinds of records, a span of time and conditions on their columns; its rows come in the
 * order of time (or of `seq`), whatever their kinds.  It runs in one short transaction and has a deadline,
 * so that it never keeps the writer's log from being folded in.  One thread.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "model/record_sink.h"
#include "store/columns.h"

#define STORE_READ_NS       2000000000ull /* of CPU time that a query may take */
#define STORE_READ_PATIENCE 5             /* times that, of the clock on the wall */
#define STORE_MAX_FILTERS   16
#define STORE_READER_TEXTS  8192 /* strings known without asking */

enum store_compare {
	STORE_EQUAL,
	STORE_UNEQUAL,
	STORE_AT_LEAST,
	STORE_AT_MOST
};

struct store_filter {
	const char *column;
	enum store_compare compare;
	bool is_number;
	int64_t number;
	const char *text;
};

struct store_query {
	const struct schema *const
		*schemas; /* closed by NULL; kinds that lack a filter's column bring
					      * nothing */
	uint64_t start_unix_ns, end_unix_ns; /* half open; end 0: any */
	uint64_t after_at, after_seq; /* continue behind this row; both 0: from the beginning */
	bool by_seq;                  /* in the order of arrival */
	bool newest_first;
	size_t limit; /* rows at most; 0: any */
	struct store_filter filters[STORE_MAX_FILTERS];
	size_t filter_count;
};

enum store_value_kind {
	STORE_NULL,
	STORE_NUMBER,
	STORE_TEXT
};

struct store_value {
	enum store_value_kind kind;
	int64_t number;
	const char *text; /* until the next value of a text is asked for */
};

struct store_row;

struct store_reader;

/**
 * store_reader_open - a file that is there
 * @views: kinds of records to know; borrowed for good
 *
 * Return: 0; -ENOENT; as store_open(); with fail() said.
 */
nodiscard int store_reader_open(const char *path, const struct record_view *views,
				size_t view_count, struct store_reader **ret_reader);
void store_reader_close(struct store_reader *reader);
own_define(struct store_reader, store_reader_close)

/**
 * store_read - call @each for every row
 * @each: 0 to go on, else what store_read() returns
 *
 * Return: 0; what @each returned; -ETIME the deadline passed; -errno with fail() said.
 */
nodiscard int store_read(struct store_reader *reader, const struct store_query *query,
			 int (*each)(void *context, struct store_row *row), void *context);

const struct schema *store_row_schema(const struct store_row *row);
const struct columns *store_row_columns(const struct store_row *row);
uint64_t store_row_seq(const struct store_row *row);
uint64_t store_row_at(const struct store_row *row);

/** store_row_value - of one of its columns */
struct store_value store_row_value(struct store_row *row, size_t column);

/** store_row_container - the container that the path in a column of control groups names; or NULL */
const char *store_row_container(struct store_row *row, size_t column);

/** store_columns - of a kind, NULL if the reader does not know it */
const struct columns *store_columns(const struct store_reader *reader, const struct schema *schema);

/* So many that nobody knows: a kymo ended without closing its store. */
#define STORE_LOST_UNKNOWN UINT64_MAX

/** store_lost_add - of two counts */
static inline uint64_t store_lost_add(uint64_t a, uint64_t b)
{
	return a == STORE_LOST_UNKNOWN || b == STORE_LOST_UNKNOWN ? STORE_LOST_UNKNOWN : a + b;
}

/**
 * store_read_losses - records of a span of time that were lost, added up
 * @collector: NULL: of any
 * @ret_count: STORE_LOST_UNKNOWN where a gap lies in the span
 *
 * Return: as store_read().
 */
nodiscard int store_read_losses(struct store_reader *reader, uint64_t start_unix_ns,
				uint64_t end_unix_ns, const char *collector, uint64_t *ret_count);

struct store_loss_row {
	uint64_t seq, count;
	bool has_count; /* false: nobody knows how many */
	const char *collector, *event, *why;
	uint64_t from_unix_ns, to_unix_ns;
};

/** store_read_loss_rows - each loss behind @after_seq, up to @last_seq.  Return: as store_read() */
nodiscard int store_read_loss_rows(struct store_reader *reader, uint64_t after_seq,
				   uint64_t last_seq,
				   int (*each)(void *context, const struct store_loss_row *loss),
				   void *context);

/** store_read_losses_of - each loss that touches a span of time, the newest first.  Return: as store_read() */
nodiscard int store_read_losses_of(struct store_reader *reader, uint64_t start_unix_ns,
				   uint64_t end_unix_ns, uint64_t limit,
				   int (*each)(void *context, const struct store_loss_row *loss),
				   void *context);

/** store_read_number - the first column of the first row of some SQL of ours; 0 where there is none */
nodiscard int store_read_number(struct store_reader *reader, const char *sql, int64_t *ret_number);

#endif
