/* SPDX-License-Identifier: MIT */
#include "store/containers.h"

#include "store/database.h"
#include "store/reader_parts.h"

int containers_each(struct store_reader *reader, uint64_t start_unix_ns, uint64_t end_unix_ns,
		    int (*each)(void *context, uint32_t pid, const char *id), void *context)
{
	sqlite3 *database = reader_database(reader);
	sqlite3_stmt *row;
	int code = SQLITE_DONE, err = 0;

	if (sqlite3_prepare_v2(database,
			       "SELECT l.pid, c.id FROM process_life_row l JOIN container c ON "
			       "c.path = l.cgroup WHERE (NOT l.is_over OR l.ended_unix_ns >= ?1) "
			       "AND l.at_unix_ns < ?2 ORDER BY l.at_unix_ns",
			       -1, &row, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_int64(row, 1, (int64_t)start_unix_ns);
	sqlite3_bind_int64(row, 2, (int64_t)(end_unix_ns ?: INT64_MAX));
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW)
		err = each(context, (uint32_t)sqlite3_column_int64(row, 0),
			   (const char *)sqlite3_column_text(row, 1) ?: "");
	if (!err && code != SQLITE_DONE)
		err = database_fail(database, "read");
	sqlite3_finalize(row);
	return err;
}
