/* SPDX-License-Identifier: MIT */
#include "show/latency_heat.h"

#include <stdlib.h>
#include <string.h>

#include "model/histogram.h"
#include "show/format.h"

#define SHADES 4

static const char *const plain_shades[SHADES + 1] = { " ", ".", ":", "*", "#" };
static const char *const shades[SHADES + 1] = { " ", "\xe2\x96\x91", "\xe2\x96\x92", "\xe2\x96\x93",
						"\xe2\x96\x88" };

static struct heat_subject *subject_of(const struct heat *heat,
				       const struct latency_function *function)
{
	vec_each(subject, &heat->subjects)
		if ((*subject)->function == function)
			return *subject;
	return NULL;
}

const struct heat_subject *heat_find(const struct heat *heat,
				     const struct latency_function *function)
{
	return subject_of(heat, function);
}

static int follow(struct heat *heat, const struct latency_function *function,
		  struct heat_subject **ret_subject)
{
	struct heat_subject *subject = subject_of(heat, function);
	int err;

	*ret_subject = subject;
	if (subject || heat->subjects.len >= HEAT_SUBJECTS)
		return 0;
	subject = calloc(1, sizeof(*subject));
	err = subject ? vec_push(&heat->subjects, subject) : -ENOMEM;
	if (err) {
		free(subject);
		return err;
	}
	subject->function = function;
	*ret_subject = subject;
	return 0;
}

static void merge_columns(struct heat *heat)
{
	vec_each(subject, &heat->subjects) {
		struct heat_subject *one = *subject;

		for (unsigned i = 0; i < HEAT_COLUMNS / 2; i++)
			for (unsigned row = 0; row < HEAT_ROWS; row++)
				one->counts[i][row] =
					one->counts[2 * i][row] + one->counts[2 * i + 1][row];
		memset(one->counts[HEAT_COLUMNS / 2], 0, sizeof(one->counts) / 2);
	}
	heat->columns = HEAT_COLUMNS / 2;
	heat->merged *= 2;
}

static void next_column(struct heat *heat)
{
	if (!heat->merged)
		heat->merged = 1;
	if (heat->columns && heat->in_last < heat->merged) {
		heat->in_last++;
		return;
	}
	if (heat->columns == HEAT_COLUMNS)
		merge_columns(heat);
	heat->columns++;
	heat->in_last = 1;
}

static uint64_t row_count(const struct latency_figures *figures, unsigned row)
{
	uint64_t count = 0;

	for (unsigned i = row << CALL_BITS; i < (row + 1) << CALL_BITS && i < CALL_BUCKETS; i++)
		count += figures->buckets[i];
	return count;
}

static uint64_t row_before(const struct heat_subject *subject, unsigned row)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HEAT_COLUMNS; i++)
		count += subject->counts[i][row];
	return count;
}

int heat_add(struct heat *heat, const struct latency_report *report)
{
	int err = 0;

	if (!heat->columns)
		heat->from_mono_ns = report->at_mono_ns - report->span_ns;
	heat->to_mono_ns = report->at_mono_ns;
	next_column(heat);
	if (!report->is_final)
		heat->shown_ns = report->span_ns;
	for (size_t i = 0; !err && i < report->count; i++) {
		const struct latency_row *one = &report->rows[i];
		struct heat_subject *subject;

		if (!one->figures->calls)
			continue;
		err = follow(heat, one->function, &subject);
		for (unsigned row = 0; !err && subject && row < HEAT_ROWS; row++) {
			uint64_t count = row_count(one->figures, row);

			uint64_t before = report->is_final ? row_before(subject, row) : 0;

			subject->counts[heat->columns - 1][row] +=
				count > before ? (uint32_t)(count - before) : 0;
		}
	}
	return err;
}

void heat_put(const struct heat *heat, const struct latency_row *row, FILE *out, bool ascii)
{
	const struct heat_subject *subject = subject_of(heat, row->function);
	unsigned low = HEAT_ROWS, high = 0;
	uint32_t most = 0;

	for (unsigned i = 0; subject && i < heat->columns; i++)
		for (unsigned j = 0; j < HEAT_ROWS; j++) {
			if (!subject->counts[i][j])
				continue;
			low = j < low ? j : low;
			high = j > high ? j : high;
			most = subject->counts[i][j] > most ? subject->counts[i][j] : most;
		}
	if (!most || heat->columns < 2)
		return;
	for (unsigned j = high + 1; j-- > low;) {
		fprintf(out, "  %9s |", format_ns(buckets_low(CALL_BITS, j << CALL_BITS)).text);
		for (unsigned i = 0; i < heat->columns; i++) {
			uint64_t count = subject->counts[i][j];
			unsigned shade = (unsigned)((count * SHADES + most - 1) / most);

			fputs((ascii ? plain_shades : shades)[shade], out);
		}
		fputs("|\n", out);
	}
	fprintf(out, "              over time, %s a column; the darkest: %s\n",
		format_ns(heat->shown_ns * heat->merged).text, format_count(most).text);
}

void heat_done(struct heat *heat)
{
	vec_each(subject, &heat->subjects)
		free(*subject);
	vec_done(&heat->subjects);
}
