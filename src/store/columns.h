/* SPDX-License-Identifier: MIT */
/* columns.h - what a field of a record is in a table: made from the schema, so that tables, views,
 * queries and answers never disagree.
 *
 *     field                     columns
 *     number, flag              KEY INTEGER; numbers above 2^63 are negative there
 *     enum, name of a thread    KEY number of a string
 *     text, address             KEY a text seen once, or the number of a string from the second time on
 *     several words             likewise, as a JSON array
 *     control group             NAME_id INTEGER, NAME number of a string
 *     system call               NAME_number INTEGER, NAME number of a string
 *     histogram                 NAME_count, NAME_sum_ns, NAME_max_ns, NAME_p50_ns, _p90_ns, _p99_ns
 *                               INTEGER, NAME_buckets: JSON [[at least, at most, how many], ...]
 *
 * What was not measured is NULL.
 */
#ifndef STORE_COLUMNS_H
#define STORE_COLUMNS_H

#include "model/schema.h"

enum column_kind {
	COLUMN_NUMBER,
	COLUMN_BOOL,
	COLUMN_STRING,  /* number of a string */
	COLUMN_TEXT,    /* text, or number of a string */
	COLUMN_WORDS,   /* likewise, a JSON array */
	COLUMN_BUCKETS, /* text: a JSON array of arrays */
};

enum column_part {
	PART_WHOLE,
	PART_MEANING, /* of a control group or system call: its name */
	PART_COUNT_OF,
	PART_SUM,
	PART_MAX,
	PART_P50,
	PART_P90,
	PART_P99,
	PART_BUCKETS,
};

struct column {
	char name[64];
	const struct field *field;
	enum column_kind kind;
	enum column_part part;
};

struct columns {
	vec(struct column) list;
};

/** columns_of - all columns of a schema.  Return: 0; -ENOMEM */
nodiscard int columns_of(const struct schema *schema, struct columns *columns);

/** columns_find - by name; NULL if there is none */
const struct column *columns_find(const struct columns *columns, const char *name);

/** columns_table - "process_exec", of the view; the table is this and "_row" */
#define COLUMNS_TABLE_BYTES 96
void columns_table(const struct schema *schema, char *name);

#endif
