/* SPDX-License-Identifier: MIT */
/* rollup_read.h - gives back what was counted of the records by steps of time (rollup.h). */
#ifndef STORE_ROLLUP_READ_H
#define STORE_ROLLUP_READ_H

#include "store/reader.h"
#include "store/rollup.h"

struct rollup_row {
	int64_t series; /* number of */
	uint64_t at_s;  /* when its step begins */
	uint64_t count, sum, max;
	const struct histogram *histogram; /* NULL of a counter */
};

/**
 * rollup_each_series - those of a metric
 * @each: 0 to go on, else what this returns; @labels: name="value",...
 *
 * Return: 0; what @each returned; -ETIME; -errno with fail() said.
 */
nodiscard int rollup_each_series(struct store_reader *reader, int metric,
				 int (*each)(void *context, int64_t id, const char *labels),
				 void *context);

/**
 * rollup_each - the steps of one length of a metric that begin in a span, in the order of time
 *
 * Return: as rollup_each_series().
 */
nodiscard int rollup_each(struct store_reader *reader, int metric, uint32_t step_s,
			  uint64_t start_s, uint64_t end_s,
			  int (*each)(void *context, const struct rollup_row *row), void *context);

/** rollup_since - from when on steps hold all there is; UINT64_MAX where an older kymo wrote the file */
nodiscard int rollup_since(struct store_reader *reader, uint64_t *ret_s);

/** rollup_oldest - when the oldest step of one length begins; UINT64_MAX: there is none */
nodiscard int rollup_oldest(struct store_reader *reader, uint32_t step_s, uint64_t *ret_s);

/** rollup_begin, rollup_end - one transaction with a deadline around several of the above */
void rollup_begin(struct store_reader *reader);
void rollup_end(struct store_reader *reader);

#endif
