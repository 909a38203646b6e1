/* SPDX-License-Identifier: MIT */
#include "store/layout.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "store/dashboard.h"

/* What leads from each version to the next; never changed, only added to. */
static const char *const steps[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE string(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE,"
	" seen_day INTEGER NOT NULL);"
	"CREATE TABLE container(path INTEGER PRIMARY KEY, id TEXT NOT NULL);"
	"CREATE TABLE loss(seq INTEGER PRIMARY KEY, collector TEXT NOT NULL, event TEXT NOT NULL,"
	" why TEXT NOT NULL, count INTEGER, from_unix_ns INTEGER NOT NULL,"
	" to_unix_ns INTEGER NOT NULL);"
	"CREATE INDEX loss_to ON loss(to_unix_ns);",

	"CREATE TABLE frame(id INTEGER PRIMARY KEY, function INTEGER NOT NULL, module INTEGER NOT NULL,"
	" file INTEGER NOT NULL, build_id INTEGER NOT NULL, source INTEGER NOT NULL,"
	" line INTEGER NOT NULL, kind INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" UNIQUE(function, module, file, build_id, source, line, kind, flags));"
	"CREATE TABLE stack(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, frames TEXT NOT NULL);"
	"CREATE INDEX stack_hash ON stack(hash);"
	"CREATE TABLE task(id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, tid INTEGER NOT NULL,"
	" process INTEGER NOT NULL, name INTEGER NOT NULL, UNIQUE(pid, tid, process, name));"
	"CREATE TABLE profile(seq INTEGER PRIMARY KEY, from_unix_ns INTEGER NOT NULL,"
	" to_unix_ns INTEGER NOT NULL, samples INTEGER NOT NULL, weight_ns INTEGER NOT NULL,"
	" lost INTEGER NOT NULL, rate_hz INTEGER NOT NULL, cpus INTEGER NOT NULL,"
	" mode TEXT NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX profile_to ON profile(to_unix_ns);"
	"CREATE TABLE sample_row(seq INTEGER NOT NULL, at_unix_ns INTEGER NOT NULL,"
	" task INTEGER NOT NULL, stack INTEGER NOT NULL, samples INTEGER NOT NULL,"
	" weight_ns INTEGER NOT NULL);"
	"CREATE INDEX sample_at ON sample_row(at_unix_ns);"
	"CREATE VIEW stack_text AS SELECT k.id, (SELECT group_concat(t.text, ';') FROM"
	" json_each(k.frames) j JOIN frame f ON f.id = j.value JOIN string t ON t.id = f.function)"
	" AS stack FROM stack k;"
	"CREATE VIEW sample AS SELECT r.seq, strftime('%Y-%m-%dT%H:%M:%fZ', r.at_unix_ns / 1e9,"
	" 'unixepoch') AS time, r.at_unix_ns, k.pid, k.tid,"
	" (SELECT text FROM string WHERE id = k.process) AS process,"
	" (SELECT text FROM string WHERE id = k.name) AS comm,"
	" (SELECT stack FROM stack_text WHERE id = r.stack) AS stack, r.samples, r.weight_ns"
	" FROM sample_row r JOIN task k ON k.id = r.task;",

	"CREATE TABLE wait_profile(seq INTEGER PRIMARY KEY, from_unix_ns INTEGER NOT NULL,"
	" to_unix_ns INTEGER NOT NULL, samples INTEGER NOT NULL, weight_ns INTEGER NOT NULL,"
	" lost INTEGER NOT NULL, min_wait_ns INTEGER NOT NULL, cpus INTEGER NOT NULL,"
	" mode TEXT NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX wait_profile_to ON wait_profile(to_unix_ns);"
	"CREATE TABLE wait_row(seq INTEGER NOT NULL, from_unix_ns INTEGER NOT NULL,"
	" to_unix_ns INTEGER NOT NULL, task INTEGER NOT NULL, stack INTEGER NOT NULL);"
	"CREATE INDEX wait_to ON wait_row(to_unix_ns);"
	"CREATE INDEX wait_seq ON wait_row(seq);"
	"CREATE VIEW wait AS SELECT r.seq, strftime('%Y-%m-%dT%H:%M:%fZ', r.from_unix_ns / 1e9,"
	" 'unixepoch') AS time, r.from_unix_ns, r.to_unix_ns, k.pid, k.tid,"
	" (SELECT text FROM string WHERE id = k.process) AS process,"
	" (SELECT text FROM string WHERE id = k.name) AS comm,"
	" (SELECT stack FROM stack_text WHERE id = r.stack) AS stack"
	" FROM wait_row r JOIN task k ON k.id = r.task;",

	/* Steps of 10 s from rolled_up_from_s on are whole; what was recorded before is in the records alone. */
	"CREATE TABLE series(id INTEGER PRIMARY KEY, metric TEXT NOT NULL, labels TEXT NOT NULL,"
	" UNIQUE(metric, labels));"
	"CREATE TABLE rollup_row(step_s INTEGER NOT NULL, at_unix_s INTEGER NOT NULL,"
	" series INTEGER NOT NULL, count INTEGER NOT NULL, sum INTEGER NOT NULL,"
	" max INTEGER NOT NULL, buckets BLOB, PRIMARY KEY(step_s, at_unix_s, series))"
	" WITHOUT ROWID;"
	"CREATE VIEW rollup AS SELECT s.metric, s.labels,"
	" strftime('%Y-%m-%dT%H:%M:%SZ', r.at_unix_s, 'unixepoch') AS time, r.at_unix_s,"
	" r.step_s, r.count, r.sum, r.max FROM rollup_row r JOIN series s ON s.id = r.series;"
	"INSERT INTO meta VALUES('rolled_up_from_s',"
	" CAST(strftime('%s', 'now') AS INTEGER) / 10 * 10 + 10);",

	"CREATE TABLE incident_profile(incident INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
	" from_unix_ns INTEGER NOT NULL, to_unix_ns INTEGER NOT NULL, samples INTEGER NOT NULL,"
	" weight_ns INTEGER NOT NULL, lost INTEGER NOT NULL, rate_hz INTEGER NOT NULL,"
	" cpus INTEGER NOT NULL, mode TEXT NOT NULL, lacks TEXT NOT NULL, data BLOB NOT NULL);",
};

#define VERSION ((int64_t)array_len(steps))

static int migrate(sqlite3 *database, int64_t from)
{
	char version[64];
	int err = database_run(database, "BEGIN IMMEDIATE");

	for (int64_t i = from; !err && i < VERSION; i++)
		err = database_run(database, steps[i]);
	snprintf(version, sizeof(version), "PRAGMA user_version=%d; COMMIT", (int)VERSION);
	err = err ?: database_run(database, version);
	if (err && !sqlite3_get_autocommit(database))
		sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

int layout_prepare(sqlite3 *database)
{
	int64_t version;
	int err = database_number(database, "PRAGMA user_version", &version);

	if (err)
		return err;
	if (version < 0 || version > VERSION) {
		err = fail(-EPROTO,
			   "the store '%s' was written by a newer kymo: its version is %d, "
			   "and this one knows %d",
			   sqlite3_db_filename(database, "main"), (int)version, (int)VERSION);
		hint("use that kymo, or another file: [store] path");
		return err;
	}
	return version == VERSION ? 0 : migrate(database, version);
}

static const char *type_of(const struct column *column)
{
	switch (column->kind) {
	case COLUMN_NUMBER:
	case COLUMN_BOOL:
	case COLUMN_STRING:
		return "INTEGER";
	case COLUMN_BUCKETS:
		return "TEXT";
	default:
		return ""; /* a text or a number */
	}
}

static int run_text(sqlite3 *database, FILE *stream, char **text)
{
	bool is_whole = fclose(stream) == 0;
	own(freep) char *sql = *text;

	return is_whole ? database_run(database, sql) : -ENOMEM;
}

static int make_table(sqlite3 *database, const char *name, const struct columns *columns)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fprintf(out, "CREATE TABLE IF NOT EXISTS \"%s_row\"(seq INTEGER PRIMARY KEY", name);
	vec_each(column, &columns->list)
		fprintf(out, ", \"%s\" %s", column->name, type_of(column));
	fprintf(out, "); CREATE INDEX IF NOT EXISTS \"%s_at\" ON \"%s_row\"(at_unix_ns)", name,
		name);
	return run_text(database, out, &text);
}

/* A file that an older program made lacks what has been added to the records since. */
static int add_columns(sqlite3 *database, const char *name, const struct columns *columns)
{
	char table[COLUMNS_TABLE_BYTES + 8];
	int err = 0;

	snprintf(table, sizeof(table), "%s_row", name);

	vec_each(column, &columns->list) {
		char sql[256];
		bool has = true;

		err = err ?: database_has_column(database, table, column->name, &has);
		if (err || has)
			continue;
		snprintf(sql, sizeof(sql), "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s", table,
			 column->name, type_of(column));
		err = database_run(database, sql);
	}
	return err;
}

static void put_view_column(FILE *out, const struct column *column)
{
	const char *name = column->name;

	switch (column->kind) {
	case COLUMN_STRING:
		fprintf(out, ", (SELECT text FROM string WHERE id = r.\"%s\") AS \"%s\"", name,
			name);
		break;
	case COLUMN_TEXT:
	case COLUMN_WORDS:
		fprintf(out,
			", iif(typeof(r.\"%s\") = 'integer', (SELECT text FROM string "
			"WHERE id = r.\"%s\"), r.\"%s\") AS \"%s\"",
			name, name, name, name);
		break;
	default:
		fprintf(out, ", r.\"%s\"", name);
	}
	if (column->field->unit != UNIT_CGROUP || column->part != PART_MEANING)
		return;
	fprintf(out, ", (SELECT id FROM container WHERE path = r.\"%s\") AS ", name);
	if (strcmp(name, "cgroup") == 0)
		fputs("container", out);
	else
		fprintf(out, "\"%s_container\"", name);
}

static char *view_text(const char *name, const char *view, const struct columns *columns)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fprintf(out,
		"CREATE VIEW \"%s\" AS SELECT r.seq, "
		"strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', r.at_unix_ns / 1e9, 'unixepoch') AS time",
		view);
	vec_each(column, &columns->list)
		put_view_column(out, column);
	fprintf(out, " FROM \"%s_row\" r", name);
	fclose(out);
	return text;
}

/* Written only where it differs from what is there. */
static int make_view(sqlite3 *database, const char *name, const char *view,
		     const struct columns *columns)
{
	own(freep) char *text = view_text(name, view, columns);
	char drop[COLUMNS_TABLE_BYTES + 32];
	sqlite3_stmt *statement;
	bool is_same;

	if (!text)
		return -ENOMEM;
	if (sqlite3_prepare_v2(database, "SELECT 1 FROM sqlite_master WHERE name = ? AND sql = ?",
			       -1, &statement, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_text(statement, 1, view, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
	is_same = sqlite3_step(statement) == SQLITE_ROW;
	sqlite3_finalize(statement);
	if (is_same)
		return 0;
	snprintf(drop, sizeof(drop), "DROP VIEW IF EXISTS \"%s\"", view);
	return database_run(database, drop) ?: database_run(database, text);
}

int layout_kind(sqlite3 *database, const struct schema *schema, const struct columns *columns)
{
	char name[COLUMNS_TABLE_BYTES], view[COLUMNS_TABLE_BYTES + 8];
	int err;

	columns_table(schema, name);
	err = make_table(database, name, columns);
	err = err ?: add_columns(database, name, columns);
	/* Older queries mean something else by this name. */
	snprintf(view, sizeof(view), "%s%s", name, dashboard_is_taken(name) ? "_by_key" : "");
	return err ?: make_view(database, name, view, columns);
}
