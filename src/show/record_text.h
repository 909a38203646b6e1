/* SPDX-License-Identifier: MIT */
/* record_text.h - fields of records as a person reads them; for show/ only. */
#ifndef SHOW_RECORD_TEXT_H
#define SHOW_RECORD_TEXT_H

#include "model/record_sink.h"
#include "report/totals.h"

/** record_value - one field in words; "-" where it is empty or was not measured
 * @text: at least RECORD_TEXT_BYTES, foreign text as it is: write it with text_put_plain()
 */
void record_value(const struct record_target *target, const struct record *record,
		  const struct field *field, char *text);

/** number_value - likewise of a number with a unit */
void number_value(const struct record_target *target, enum unit unit, uint64_t number, char *text);

/** record_column - columns of the table that a field should have; 0: as many as are left */
unsigned record_column(const struct field *field);

/** histogram_put - a drawn histogram, one line an octave, with its quantiles above */
void histogram_put(const struct record_target *target, const struct histogram *histogram);

/** totals_put - tables of what was added up: rows of each kind, the most frequent first
 * @most: rows of a kind; what is left out is counted
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int totals_put(const struct record_target *target, const struct totals *totals,
			 size_t most);

/** view_of - how the records of a schema are shown; never NULL */
const struct record_view *view_of(const struct record_target *target, const struct schema *schema);

/** put_cell - text in so many columns, made harmless, cut with an ellipsis; right: numbers */
void put_cell(const struct record_target *target, const char *text, unsigned columns, bool right);

#endif
