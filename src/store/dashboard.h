/* SPDX-License-Identifier: MIT */
/* dashboard.h - what we keep under the names and columns of an older dashboard, whose queries go on working:
 * views beside its own tables' names, and their newest rows.
 *
 *     processes            execs             network_connections  connects
 *     tcp_lifecycle        closes            disk_latency         requests by time, each interval
 *     cpu_profiles         samples           syscall_stats        the ten most frequent, each interval
 *
 * `id` is our number of the row, `timestamp` the time of the event in UTC.
 */
#ifndef STORE_DASHBOARD_H
#define STORE_DASHBOARD_H

#include "store/database.h"
#include "store/reader.h"

/** dashboard_views - where their tables are.  Return: 0; as database_fail() */
nodiscard int dashboard_views(sqlite3 *database);

/** dashboard_is_taken - whether a name is that of one of the views */
bool dashboard_is_taken(const char *name);

struct dashboard_cell {
	const char *name;
	enum {
		DASHBOARD_NULL,
		DASHBOARD_WHOLE,
		DASHBOARD_REAL,
		DASHBOARD_TEXT
	} kind;
	int64_t whole;
	double real;
	const char *text;
};

#define DASHBOARD_CELLS 16

/**
 * dashboard_read - the newest rows of a view, their timestamps as RFC 3339 has them
 * @view: one of the names above
 *
 * Return: 0; what @each returned; -ETIME; -errno with fail() said.
 */
nodiscard int dashboard_read(struct store_reader *reader, const char *view, uint64_t limit,
			     int (*each)(void *context, const struct dashboard_cell *cells,
					 size_t count),
			     void *context);

#endif
