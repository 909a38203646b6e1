/* SPDX-License-Identifier: MIT */
#include "store/dashboard.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "store/reader_parts.h"

#define STAMP(at)   "strftime('%Y-%m-%d %H:%M:%f', " at " / 1e9, 'unixepoch')"
#define STRING(id)  "(SELECT text FROM string WHERE id = " id ")"
/* Of what was not measured the format knows nothing: it is empty, or 0. */
#define NAME(id)    "ifnull(" STRING(id) ", '')"
/* A text, or the number of one. */
#define TEXT(value) "iif(typeof(" value ") = 'integer', " STRING(value) ", " value ")"
#define SOME(value) "ifnull(" TEXT(value) ", '')"

/* clang-format off */
#define SYSCALLS(where)                                                                      \
	"SELECT id, timestamp, syscall_name, count FROM (SELECT min(r.seq) AS id, "          \
	STAMP("r.at_unix_ns") " AS timestamp, " NAME("r.syscall") " AS syscall_name, "       \
	"sum(r.count) AS count, row_number() OVER (PARTITION BY r.at_unix_ns "               \
	"ORDER BY sum(r.count) DESC) AS place FROM syscall_calls_row r " where               \
	" GROUP BY r.at_unix_ns, r.syscall) WHERE place <= 10"

/* The view has to look at all there is; of the newest rows as many intervals are enough. */
static const char newest_syscalls[] =
	"WITH RECURSIVE newest(at) AS (SELECT max(at_unix_ns) FROM syscall_calls_row UNION ALL "
	"SELECT (SELECT max(at_unix_ns) FROM syscall_calls_row WHERE at_unix_ns < newest.at) "
	"FROM newest WHERE newest.at IS NOT NULL LIMIT ?1) "
	SYSCALLS("WHERE r.at_unix_ns >= (SELECT min(at) FROM newest)") " ORDER BY id DESC LIMIT ?1";

static const struct {
	const char *name, *table, *sql;
} views[] = {
	{ "processes", "process_exec_row",
	  "SELECT r.seq AS id, " STAMP("r.at_unix_ns") " AS timestamp, "
	  "strftime('%H:%M:%S', r.at_unix_ns / 1e9, 'unixepoch', 'localtime') AS time, "
	  "CAST(ifnull(r.pid, 0) AS TEXT) AS pid, " NAME("r.comm") " AS comm, "
	  "ifnull((SELECT group_concat(value, ' ') FROM json_each(" TEXT("r.argv") ")), '') "
	  "AS args, "
	  "CAST(r.ppid AS TEXT) AS ppid, 0 AS ret, r.uid AS uid FROM process_exec_row r" },
	{ "network_connections", "tcp_connect_row",
	  "SELECT r.seq AS id, " STAMP("r.at_unix_ns") " AS timestamp, "
	  "CAST(ifnull(r.pid, 0) AS TEXT) AS pid, " NAME("r.comm") " AS comm, "
	  "'IPv' || r.ip_version AS ip_version, " SOME("r.local_addr") " AS source_addr, "
	  "CAST(ifnull(r.local_port, 0) AS TEXT) AS source_port, " SOME("r.remote_addr") " AS dest_addr, "
	  "CAST(ifnull(r.remote_port, 0) AS TEXT) AS dest_port FROM tcp_connect_row r" },
	{ "disk_latency", "disk_ranges_row",
	  "SELECT r.seq AS id, " STAMP("r.at_unix_ns") " AS timestamp, r.range_min_us AS range_min, "
	  "r.range_max_us AS range_max, r.count AS count FROM disk_ranges_row r" },
	{ "cpu_profiles", "sample_row",
	  "SELECT r.rowid AS id, " STAMP("r.at_unix_ns") " AS timestamp, "
	  NAME("k.process") " AS process_name, ifnull((SELECT group_concat(name, char(10)) FROM "
	  "(SELECT t.text AS name FROM stack s, json_each(s.frames) j JOIN frame f ON f.id = j.value "
	  "JOIN string t ON t.id = f.function WHERE s.id = r.stack ORDER BY j.key DESC)), '') "
	  "AS stack_trace, r.samples AS sample_count, k.pid AS pid "
	  "FROM sample_row r JOIN task k ON k.id = r.task" },
	{ "tcp_lifecycle", "tcp_close_row",
	  "SELECT r.seq AS id, " STAMP("r.at_unix_ns") " AS timestamp, ifnull(r.pid, 0) AS pid, "
	  NAME("r.comm") " AS comm, " SOME("r.local_addr") " AS local_addr, "
	  "ifnull(r.local_port, 0) AS local_port, " SOME("r.remote_addr") " AS remote_addr, "
	  "ifnull(r.remote_port, 0) AS remote_port, ifnull(r.tx_bytes, 0) / 1024.0 AS tx_kb, "
	  "ifnull(r.rx_bytes, 0) / 1024.0 AS rx_kb, ifnull(r.duration_ns, 0) / 1e6 AS duration_ms "
	  "FROM tcp_close_row r" },
	{ "syscall_stats", "syscall_calls_row", SYSCALLS("") },
};
/* clang-format on */

bool dashboard_is_taken(const char *name)
{
	for (size_t i = 0; i < array_len(views); i++)
		if (strcmp(views[i].name, name) == 0)
			return true;
	return false;
}

int dashboard_views(sqlite3 *database)
{
	int err = 0;

	for (size_t i = 0; !err && i < array_len(views); i++) {
		own(freep) char *sql = NULL;
		bool has;

		err = database_has_column(database, views[i].table, "at_unix_ns", &has);
		if (err || !has)
			continue;
		if (asprintf(&sql, "DROP VIEW IF EXISTS %s; CREATE VIEW %s AS %s", views[i].name,
			     views[i].name, views[i].sql) < 0)
			return -ENOMEM;
		err = database_run(database, sql);
	}
	return err;
}

static size_t read_cells(sqlite3_stmt *row, struct dashboard_cell *cells)
{
	size_t count = (size_t)sqlite3_column_count(row);

	for (size_t i = 0; i < count && i < DASHBOARD_CELLS; i++) {
		int at = (int)i, type = sqlite3_column_type(row, at);

		cells[i] = (struct dashboard_cell){ .name = sqlite3_column_name(row, at) };
		if (type == SQLITE_INTEGER) {
			cells[i].kind = DASHBOARD_WHOLE;
			cells[i].whole = sqlite3_column_int64(row, at);
		} else if (type == SQLITE_FLOAT) {
			cells[i].kind = DASHBOARD_REAL;
			cells[i].real = sqlite3_column_double(row, at);
		} else if (type == SQLITE_TEXT) {
			cells[i].kind = DASHBOARD_TEXT;
			cells[i].text = (const char *)sqlite3_column_text(row, at);
		}
	}
	return count < DASHBOARD_CELLS ? count : DASHBOARD_CELLS;
}

int dashboard_read(struct store_reader *reader, const char *view, uint64_t limit,
		   int (*each)(void *context, const struct dashboard_cell *cells, size_t count),
		   void *context)
{
	sqlite3 *database = reader_database(reader);
	struct dashboard_cell cells[DASHBOARD_CELLS];
	int code = SQLITE_DONE, err = 0;
	sqlite3_stmt *row;
	char whole[160];
	const char *sql = strcmp(view, "syscall_stats") == 0 ? newest_syscalls : whole;

	snprintf(whole, sizeof(whole), "SELECT * FROM %s ORDER BY id DESC LIMIT ?", view);
	reader_begin(reader, STORE_READ_NS);
	if (sqlite3_prepare_v2(database, sql, -1, &row, NULL) != SQLITE_OK) {
		err = database_fail(database, "read");
		reader_end(reader);
		return err;
	}
	sqlite3_bind_int64(row, 1, (int64_t)limit);
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW)
		err = each(context, cells, read_cells(row, cells));
	if (!err && code != SQLITE_DONE)
		err = database_fail(database, "read");
	sqlite3_finalize(row);
	reader_end(reader);
	return err;
}
