/* SPDX-License-Identifier: MIT */
/* layout.h - the tables and views of the store, and how an older file becomes a newer one.
 *
 *     string             every text once; seen_day: the last day it was used
 *     container          id of the container that the path of a control group names
 *     frame, stack       functions, and stacks as JSON arrays of them, root first
 *     task               threads that were sampled
 *     profile            slices of time with all their samples, packed (pack.h)
 *     sample             the samples of the last hour as rows
 *     wait_profile       slices of time with the waits that ended in them, packed likewise
 *     wait               waits that were longer than a slice, each with its beginning and end
 *     series, rollup     what is counted of the records by steps of 10 s, a minute and an hour (rollup.h)
 *     loss               records that were lost: what, why, how many, from when to when
 *     meta               when was committed last, and whether the writer ended in good order
 *     COLLECTOR_EVENT_row  one table for each kind of record, made from its schema (columns.h)
 *     COLLECTOR_EVENT    a view of it with texts instead of numbers, and the time in letters; with "_by_key"
 *                        where the name is one of those in dashboard.h
 *
 * `seq` counts all rows of all tables together: one cursor for everything.  PRAGMA user_version is the
 * version of what does not come from a schema; columns that a newer program has are added.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "store/columns.h"
#include "store/database.h"

/**
 * layout_prepare - the fixed tables, as this version has them
 *
 * An older file is changed in one transaction.
 * Return: 0; -EPROTO a newer version wrote it; as database_fail(); with fail() said.
 */
nodiscard int layout_prepare(sqlite3 *database);

/** layout_kind - table, index and view of one kind of record */
nodiscard int layout_kind(sqlite3 *database, const struct schema *schema,
			  const struct columns *columns);

#endif
