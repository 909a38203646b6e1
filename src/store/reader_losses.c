/* SPDX-License-Identifier: MIT */
/* reader_losses.c - what was lost, added up or one by one. */
#include "store/reader_parts.h"

int store_read_losses(struct store_reader *reader, uint64_t start_unix_ns, uint64_t end_unix_ns,
		      const char *collector, uint64_t *ret_count)
{
	sqlite3_stmt *statement;
	int code, err = 0;

	if (sqlite3_prepare_v2(reader_database(reader),
			       "SELECT sum(count), count(*) - count(count) FROM loss WHERE "
			       "to_unix_ns >= ?1 AND (?2 = 0 OR from_unix_ns < ?2) AND "
			       "(?3 IS NULL OR collector IN (?3, 'kymo'))",
			       -1, &statement, NULL) != SQLITE_OK)
		return database_fail(reader_database(reader), "read");
	sqlite3_bind_int64(statement, 1, (int64_t)start_unix_ns);
	sqlite3_bind_int64(statement, 2, (int64_t)end_unix_ns);
	sqlite3_bind_text(statement, 3, collector, -1, SQLITE_STATIC);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_count = sqlite3_column_int64(statement, 1)
				     ? STORE_LOST_UNKNOWN
				     : (uint64_t)sqlite3_column_int64(statement, 0);
	else
		err = database_fail(reader_database(reader), "read");
	sqlite3_finalize(statement);
	return err;
}

#define LOSS_COLUMNS "SELECT seq, count, collector, event, why, from_unix_ns, to_unix_ns FROM loss "

/* Ends the statement. */
static int each_loss(struct store_reader *reader, sqlite3_stmt *statement,
		     int (*each)(void *context, const struct store_loss_row *loss), void *context)
{
	int code, err = 0;

	while (!err && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_loss_row loss = {
			.seq = (uint64_t)sqlite3_column_int64(statement, 0),
			.count = (uint64_t)sqlite3_column_int64(statement, 1),
			.has_count = sqlite3_column_type(statement, 1) != SQLITE_NULL,
			.collector = (const char *)sqlite3_column_text(statement, 2),
			.event = (const char *)sqlite3_column_text(statement, 3),
			.why = (const char *)sqlite3_column_text(statement, 4),
			.from_unix_ns = (uint64_t)sqlite3_column_int64(statement, 5),
			.to_unix_ns = (uint64_t)sqlite3_column_int64(statement, 6),
		};

		err = each(context, &loss);
	}
	if (!err && code != SQLITE_DONE)
		err = database_fail(reader_database(reader), "read");
	sqlite3_finalize(statement);
	return err;
}

int store_read_loss_rows(struct store_reader *reader, uint64_t after_seq, uint64_t last_seq,
			 int (*each)(void *context, const struct store_loss_row *loss),
			 void *context)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(reader_database(reader),
			       LOSS_COLUMNS "WHERE seq > ? AND seq <= ? ORDER BY seq", -1,
			       &statement, NULL) != SQLITE_OK)
		return database_fail(reader_database(reader), "read");
	sqlite3_bind_int64(statement, 1, (int64_t)after_seq);
	sqlite3_bind_int64(statement, 2, (int64_t)last_seq);
	return each_loss(reader, statement, each, context);
}

int store_read_losses_of(struct store_reader *reader, uint64_t start_unix_ns, uint64_t end_unix_ns,
			 uint64_t limit,
			 int (*each)(void *context, const struct store_loss_row *loss),
			 void *context)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(reader_database(reader),
			       LOSS_COLUMNS "WHERE to_unix_ns >= ? AND from_unix_ns < ? "
					    "ORDER BY to_unix_ns DESC LIMIT ?",
			       -1, &statement, NULL) != SQLITE_OK)
		return database_fail(reader_database(reader), "read");
	sqlite3_bind_int64(statement, 1, (int64_t)start_unix_ns);
	sqlite3_bind_int64(statement, 2, (int64_t)end_unix_ns);
	sqlite3_bind_int64(statement, 3, (int64_t)limit);
	return each_loss(reader, statement, each, context);
}
