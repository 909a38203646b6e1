/* SPDX-License-Identifier: MIT */
#include "store/rollup_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/reader_parts.h"

/* A file that an older kymo wrote, and nothing has written since, has none. */
static int has_rollups(struct store_reader *reader, bool *ret_has)
{
	return database_has_column(reader_database(reader), "rollup_row", "step_s", ret_has);
}

int rollup_since(struct store_reader *reader, uint64_t *ret_s)
{
	int64_t since = 0;
	bool has;
	int err = has_rollups(reader, &has);

	if (!err && has)
		err = database_number(reader_database(reader),
				      "SELECT value FROM meta WHERE key = 'rolled_up_from_s'",
				      &since);
	if (!err)
		*ret_s = has ? (uint64_t)since : UINT64_MAX;
	return err;
}

static int prepare(struct store_reader *reader, const char *sql, int metric, sqlite3_stmt **ret)
{
	sqlite3 *database = reader_database(reader);
	bool has;
	int err = has_rollups(reader, &has);

	*ret = NULL;
	if (err || !has)
		return err;
	if (sqlite3_prepare_v2(database, sql, -1, ret, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_text(*ret, 1, rollup_metrics[metric].name, -1, SQLITE_STATIC);
	return 0;
}

static int finish(struct store_reader *reader, sqlite3_stmt *row, int code, int err)
{
	if (!err && code != SQLITE_DONE)
		err = database_fail(reader_database(reader), "read");
	sqlite3_finalize(row);
	return err;
}

int rollup_each_series(struct store_reader *reader, int metric,
		       int (*each)(void *context, int64_t id, const char *labels), void *context)
{
	sqlite3_stmt *row;
	int code = SQLITE_DONE;
	int err = prepare(reader, "SELECT id, labels FROM series WHERE metric = ? ORDER BY labels",
			  metric, &row);

	if (err || !row)
		return err;
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW)
		err = each(context, sqlite3_column_int64(row, 0),
			   (const char *)sqlite3_column_text(row, 1) ?: "");
	return finish(reader, row, code, err);
}

static int take_row(sqlite3_stmt *statement, struct histogram *histogram, struct rollup_row *row)
{
	*row = (struct rollup_row){
		.series = sqlite3_column_int64(statement, 0),
		.at_s = (uint64_t)sqlite3_column_int64(statement, 1),
		.count = (uint64_t)sqlite3_column_int64(statement, 2),
		.sum = (uint64_t)sqlite3_column_int64(statement, 3),
		.max = (uint64_t)sqlite3_column_int64(statement, 4),
	};
	if (sqlite3_column_type(statement, 5) == SQLITE_NULL)
		return 0;
	memset(histogram, 0, sizeof(*histogram));
	histogram->sum = row->sum;
	histogram->max = row->max;
	row->histogram = histogram;
	return rollup_unpack(sqlite3_column_blob(statement, 5),
			     (size_t)sqlite3_column_bytes(statement, 5), histogram)
		       ? fail(-EUCLEAN, "the store has a histogram that makes no sense")
		       : 0;
}

int rollup_each(struct store_reader *reader, int metric, uint32_t step_s, uint64_t start_s,
		uint64_t end_s, int (*each)(void *context, const struct rollup_row *row),
		void *context)
{
	struct histogram histogram;
	struct rollup_row row;
	sqlite3_stmt *statement;
	int code = SQLITE_DONE;
	int err = prepare(reader,
			  "SELECT series, at_unix_s, count, sum, max, buckets FROM rollup_row "
			  "WHERE step_s = ?2 AND at_unix_s >= ?3 AND at_unix_s < ?4 AND "
			  "series IN (SELECT id FROM series WHERE metric = ?1) ORDER BY at_unix_s",
			  metric, &statement);

	if (err || !statement)
		return err;
	sqlite3_bind_int64(statement, 2, step_s);
	sqlite3_bind_int64(statement, 3, (int64_t)start_s);
	sqlite3_bind_int64(statement, 4, (int64_t)(end_s > INT64_MAX ? INT64_MAX : end_s));
	while (!err && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		err = take_row(statement, &histogram, &row);
		err = err ?: each(context, &row);
	}
	return finish(reader, statement, code, err);
}

int rollup_oldest(struct store_reader *reader, uint32_t step_s, uint64_t *ret_s)
{
	char sql[96];
	int64_t oldest = 0;
	bool has;
	int err = has_rollups(reader, &has);

	snprintf(sql, sizeof(sql), "SELECT min(at_unix_s) FROM rollup_row WHERE step_s = %u",
		 step_s);
	if (!err && has)
		err = database_number(reader_database(reader), sql, &oldest);
	if (!err)
		*ret_s = oldest ? (uint64_t)oldest : UINT64_MAX;
	return err;
}

void rollup_begin(struct store_reader *reader)
{
	reader_begin(reader, STORE_READ_NS);
}

void rollup_end(struct store_reader *reader)
{
	reader_end(reader);
}
