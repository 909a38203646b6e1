/* SPDX-License-Identifier: MIT */
/* totals.h - records added up: the rows of tables by their keys, events by fields of one's choice. */
#ifndef REPORT_TOTALS_H
#define REPORT_TOTALS_H

#include "base/hash.h"
#include "model/histogram.h"
#include "model/schema.h"

#define TOTALS_ROWS_MAX 65536 /* what is more goes uncounted here, and is counted in `refused` */

struct totals_row {
	const struct schema *schema;
	uint64_t count;               /* of records; of a table, of reads */
	uint8_t *bytes;               /* the first of them with the last texts */
	uint32_t len;                 /* of `bytes` */
	uint64_t *sums;               /* by field; the greatest where the field says so */
	struct histogram *histograms; /* by field that is one, in their order */
};

struct totals_plan;

struct totals {
	vec(struct totals_row) rows;
	vec(uint8_t) keys; /* of all rows */
	vec(uint32_t) key_ends;
	struct index by_key;
	vec(uint8_t) key; /* of the record at hand */
	vec(struct totals_plan *) plans;
	uint64_t refused;
};

/**
 * totals_add - count a record
 * @group: names of the fields by which events are added up, closed by NULL; a table has keys of its own
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int totals_add(struct totals *totals, const struct record *record,
			 const char *const *group);

/** totals_record - the first record of a row, for its keys */
struct record totals_record(const struct totals_row *row);

/** totals_histogram - of a field that is one */
const struct histogram *totals_histogram(const struct totals_row *row, const struct field *field);

/** totals_is_sum - whether a field is added up */
bool totals_is_sum(const struct field *field);

/** totals_order - numbers of the rows, the most frequent first; NULL without memory; the caller frees */
uint32_t *totals_order(const struct totals *totals);
void totals_done(struct totals *totals);

#endif
