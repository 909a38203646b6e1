/* SPDX-License-Identifier: MIT */
/* database.h - one connection to the SQLite file, and its errors as ours.
 *
 * A connection belongs to one thread.  One connection writes, any number read (WAL).
 */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include <stdio.h>

#include <sqlite3.h>

#include "base/own.h"

/**
 * database_open - the file, made if it is not there and we are to write
 * @ret: set on success; close with database_close()
 *
 * Every commit of a writer is on the disk when it returns (synchronous=FULL).  Files are 0600.
 * Return: 0; -EUCLEAN it is no database, or a broken one; -EROFS; -EACCES; -errno; with fail() said.
 */
nodiscard int database_open(const char *path, bool to_write, sqlite3 **ret);
void database_close(sqlite3 *database);
own_define(sqlite3, database_close)

/**
 * database_fail - what went wrong last on this connection
 * @what: "read", "write"
 *
 * Return: -ENOSPC the disk or the file's limit is full; -EUCLEAN; -EROFS; -EBUSY; -ETIME a deadline
 * passed; -ENOMEM; -EIO; with fail() said.
 */
int database_fail(sqlite3 *database, const char *what);

/** database_run - statements without results.  Return: 0; as database_fail() */
nodiscard int database_run(sqlite3 *database, const char *sql);

/** database_prepare - one that is used again and again; finalised with its connection */
nodiscard int database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement);

/** database_number - the first column of the first row; 0 where there is none */
nodiscard int database_number(sqlite3 *database, const char *sql, int64_t *ret_number);

/** database_has_column - false also where there is no such table */
nodiscard int database_has_column(sqlite3 *database, const char *table, const char *column,
				  bool *ret_has);

/**
 * database_prepare_text - what was written into a stream of open_memstream(), which is closed
 * @text: of the stream; freed
 *
 * Return: as database_prepare(); -ENOMEM.
 */
nodiscard int database_prepare_text(sqlite3 *database, FILE *stream, char **text,
				    sqlite3_stmt **ret_statement);

/** database_step - a statement without results, reset afterwards.  Return: 0; as database_fail() */
nodiscard int database_step(sqlite3_stmt *statement);

#endif
