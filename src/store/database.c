/* SPDX-License-Identifier: MIT */
#include "store/database.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/error.h"

#define BUSY_MS 5000

/* auto_vacuum only counts before the first table is there; FULL belongs to the connection. */
static const char writer_settings[] = "PRAGMA auto_vacuum=INCREMENTAL;"
				      "PRAGMA journal_mode=WAL;"
				      "PRAGMA synchronous=FULL;"
				      "PRAGMA secure_delete=OFF;"
				      "PRAGMA temp_store=MEMORY;"
				      "PRAGMA cache_size=-4000;"
				      "PRAGMA wal_autocheckpoint=1000;"
				      "PRAGMA journal_size_limit=16777216";

static const char reader_settings[] = "PRAGMA query_only=ON;"
				      "PRAGMA temp_store=MEMORY;"
				      "PRAGMA cache_size=-2000";

static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_INTERRUPT:
		return -ETIME;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int database_fail(sqlite3 *database, const char *what)
{
	const char *path = sqlite3_db_filename(database, "main");
	int err = error_of(sqlite3_extended_errcode(database));

	return fail(err, "cannot %s the store '%s': %s", what, path ?: "",
		    sqlite3_errmsg(database));
}

int database_run(sqlite3 *database, const char *sql)
{
	return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : database_fail(database, "use");
}

int database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement)
{
	return sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement,
				  NULL) == SQLITE_OK
		       ? 0
		       : database_fail(database, "use");
}

int database_prepare_text(sqlite3 *database, FILE *stream, char **text,
			  sqlite3_stmt **ret_statement)
{
	bool is_whole = fclose(stream) == 0;
	own(freep) char *sql = *text;

	return is_whole ? database_prepare(database, sql, ret_statement) : -ENOMEM;
}

int database_number(sqlite3 *database, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement;
	int code;

	if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	code = sqlite3_step(statement);
	*ret_number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : database_fail(database, "read");
}

int database_has_column(sqlite3 *database, const char *table, const char *column, bool *ret_has)
{
	char sql[512];
	int64_t count;
	int err;

	sqlite3_snprintf(sizeof(sql), sql,
			 "SELECT count(*) FROM pragma_table_info(%Q) WHERE name = %Q", table,
			 column);
	err = database_number(database, sql, &count);
	*ret_has = !err && count;
	return err;
}

int database_step(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	int err = code == SQLITE_DONE || code == SQLITE_ROW
			  ? 0
			  : database_fail(sqlite3_db_handle(statement), "write");

	sqlite3_reset(statement);
	return err;
}

int database_open(const char *path, bool to_write, sqlite3 **ret)
{
	int flags = SQLITE_OPEN_NOMUTEX |
		    (to_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
	mode_t mask = to_write ? umask(0077) : 0;
	sqlite3 *database = NULL;
	int code = sqlite3_open_v2(path, &database, flags, NULL), err;

	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(database, BUSY_MS);
		err = database_run(database, to_write ? writer_settings : reader_settings);
	} else {
		err = fail(error_of(code), "cannot open the store '%s': %s", path,
			   database ? sqlite3_errmsg(database) : "no memory");
	}
	if (to_write)
		umask(mask);
	if (err)
		database_close(database);
	else
		*ret = database;
	return err;
}

void database_close(sqlite3 *database)
{
	sqlite3_stmt *statement;

	while (database && (statement = sqlite3_next_stmt(database, NULL)) != NULL)
		sqlite3_finalize(statement);
	sqlite3_close(database);
}
