/* SPDX-License-Identifier: MIT */
#include "store/curves_levels.h"

#include <errno.h>

#include "base/clock.h"
#include "store/reader_parts.h"
#include "store/rollup_read.h"

#define FINE_PARTS \
	6 /* of a step at least, where its ends are others than those of what was counted */

/* Steps of which length are best for these curves; ROLLUP_LEVELS: they are too fine. */
static size_t best_level(const struct curves *series)
{
	for (size_t i = ROLLUP_LEVELS; i-- > 0;) {
		uint64_t level_ns = rollup_steps_s[i] * NS_PER_S;
		bool fits =
			series->step_ns % level_ns == 0 && series->start_unix_ns % level_ns == 0;

		if (series->step_ns >= 60 * NS_PER_S &&
		    (fits || series->step_ns >= FINE_PARTS * level_ns))
			return i;
	}
	return ROLLUP_LEVELS;
}

/* The first step that does not begin before an instant. */
static size_t step_from(const struct curves *series, uint64_t at_s)
{
	uint64_t step;

	if (at_s > INT64_MAX / NS_PER_S)
		return series->steps;
	if (at_s * NS_PER_S <= series->start_unix_ns)
		return 0;
	step = (at_s * NS_PER_S - series->start_unix_ns + series->step_ns - 1) / series->step_ns;
	return step < series->steps ? step : series->steps;
}

/* The first step that steps of one length tell of. */
static int first_of(struct store_reader *reader, const struct curves *series, uint64_t since_s,
		    uint32_t level_s, size_t *ret_first)
{
	uint64_t oldest_s = 0;
	int err = rollup_oldest(reader, level_s, &oldest_s);

	/* The first minute or hour is counted in part. */
	since_s = (since_s + level_s - 1) / level_s * level_s;
	if (!err)
		*ret_first = step_from(series, oldest_s > since_s ? oldest_s : since_s);
	return err;
}

int curves_levels_choose(struct store_reader *reader, const struct curves *series,
			 struct curves_levels *ret_levels)
{
	struct curves_levels levels = { .first = series->steps };
	size_t best = best_level(series);
	int err = rollup_since(reader, &levels.since_s);

	if (!err && levels.since_s > INT64_MAX / NS_PER_S)
		levels.since_s = UINT64_MAX;
	for (size_t i = best; !err && i < ROLLUP_LEVELS && levels.since_s != UINT64_MAX; i++) {
		struct curves_piece piece = { .level_s = rollup_steps_s[i], .end = levels.first };

		if (i > best && rollup_steps_s[i] * NS_PER_S > series->step_ns)
			break;
		err = first_of(reader, series, levels.since_s, piece.level_s, &piece.first);
		if (err || piece.first >= piece.end)
			continue;
		levels.first = piece.first;
		levels.pieces[levels.count++] = piece;
	}
	if (!err)
		*ret_levels = levels;
	return err;
}

int curves_levels_cover(struct curves *series, size_t first, uint64_t oldest_unix_ns)
{
	series->covered_ns = calloc(series->steps, sizeof(*series->covered_ns));
	if (!series->covered_ns)
		return -ENOMEM;
	for (size_t i = 0; i < series->steps; i++) {
		uint64_t end = series->start_unix_ns + (i + 1) * series->step_ns;

		if (i >= first || end > oldest_unix_ns)
			series->covered_ns[i] = series->step_ns;
	}
	return 0;
}

int curves_levels_oldest(struct store_reader *reader, const char *table, const char *column,
			 uint64_t *ret_unix_ns)
{
	char sql[160];
	int64_t oldest = 0;
	int err;

	snprintf(sql, sizeof(sql), "SELECT min(\"%s\") FROM \"%s\"", column, table);
	err = database_number(reader_database(reader), sql, &oldest);
	if (!err)
		*ret_unix_ns = oldest > 0 ? (uint64_t)oldest : UINT64_MAX;
	return err;
}
