/* SPDX-License-Identifier: MIT */
#include "store/lives.h"

#include <errno.h>
#include <string.h>

#include "store/writer.h"

#define SAME_BIRTH_NS "2000000000" /* clocks that were set meanwhile move it by less */

static const char *const events[LIFE_EVENT_COUNT] = {
	[LIFE_FORK] = "process_fork",
	[LIFE_EXEC] = "process_exec",
	[LIFE_EXIT] = "process_exit",
	[LIFE_ALIVE] = "process_alive",
};

/* When a process was forked, as far as a record of each kind tells. */
static const char *const begun[LIFE_EVENT_COUNT] = {
	[LIFE_FORK] = "r.at_unix_ns",
	[LIFE_EXEC] = "r.at_unix_ns",
	[LIFE_EXIT] = "r.at_unix_ns - ifnull(r.duration_ns, 0)",
	[LIFE_ALIVE] = "r.at_unix_ns - ifnull(r.duration_ns, 0)",
};

static bool is_of_program(const char *column)
{
	static const char *const names[] = {
		"file", "argv", "cwd", "argv_cut", "argv_length_bytes", "is_script"
	};

	for (size_t i = 0; i < array_len(names); i++)
		if (strcmp(names[i], column) == 0)
			return true;
	return false;
}

/* What an exit overwrites: not who the parent was at first, nor what exec told better. */
static bool is_kept(enum life_event event, const char *column)
{
	return strcmp(column, "ppid") == 0 || (event == LIFE_EXIT && is_of_program(column));
}

static bool is_ours(const char *column)
{
	return strcmp(column, "at_unix_ns") == 0 || strcmp(column, "ended_unix_ns") == 0 ||
	       strcmp(column, "is_over") == 0;
}

/* A child runs what its parent does until it executes something. */
static void put_source(FILE *out, enum life_event event, const struct columns *source,
		       const char *column)
{
	if (columns_find(source, column))
		fprintf(out, ", r.\"%s\"", column);
	else if (event == LIFE_FORK && is_of_program(column))
		fprintf(out,
			", (SELECT p.\"%s\" FROM process_life_row p WHERE p.pid = r.ppid AND "
			"NOT p.is_over)",
			column);
	else
		fputs(", NULL", out);
}

static int prepare_begin(struct store *store, const struct store_kind *life, enum life_event event,
			 const struct columns *source)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fputs("INSERT INTO process_life_row(seq, at_unix_ns, ended_unix_ns, is_over", out);
	vec_each(column, &life->columns.list)
		if (!is_ours(column->name))
			fprintf(out, ", \"%s\"", column->name);
	fprintf(out, ") SELECT r.seq, %s, %s", begun[event],
		event == LIFE_EXIT ? "r.at_unix_ns, 1" : "NULL, 0");
	vec_each(column, &life->columns.list)
		if (!is_ours(column->name))
			put_source(out, event, source, column->name);
	fprintf(out, " FROM %s_row r WHERE r.seq = ?1", events[event]);
	return database_prepare_text(store->database, out, &text, &store->lives.begin[event]);
}

static int prepare_change(struct store *store, const struct store_kind *life, enum life_event event,
			  const struct columns *source)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fprintf(out, "UPDATE process_life_row AS l SET is_over = %d, ended_unix_ns = %s",
		event == LIFE_EXIT, event == LIFE_EXIT ? "r.at_unix_ns" : "NULL");
	vec_each(column, &life->columns.list) {
		const char *name = column->name;

		if (is_ours(name) || event == LIFE_ALIVE || !columns_find(source, name))
			continue;
		if (is_kept(event, name))
			fprintf(out, ", \"%s\" = ifnull(l.\"%s\", r.\"%s\")", name, name, name);
		else
			fprintf(out, ", \"%s\" = r.\"%s\"", name, name);
	}
	fprintf(out, " FROM %s_row r WHERE r.seq = ?1 AND l.pid = r.pid", events[event]);
	if (event == LIFE_ALIVE)
		fprintf(out, " AND l.exit_code IS NULL AND abs(l.at_unix_ns - (%s)) < %s",
			begun[event], SAME_BIRTH_NS);
	else
		fputs(" AND NOT l.is_over", out);
	return database_prepare_text(store->database, out, &text, &store->lives.change[event]);
}

/* A PID is given away again, so the process that had it is gone. */
static int prepare_close(struct store *store, enum life_event event)
{
	char sql[512];

	snprintf(
		sql, sizeof(sql),
		"UPDATE process_life_row AS l SET is_over = 1, ended_unix_ns = max(l.at_unix_ns, %s) "
		"FROM %s_row r WHERE r.seq = ?1 AND l.pid = r.pid AND NOT l.is_over",
		begun[event], events[event]);
	return database_prepare(store->database, sql, &store->lives.close[event]);
}

static int prepare_event(struct store *store, const struct store_kind *life, enum life_event event)
{
	const struct store_kind *kind = writer_kind(store, events[event]);
	int err;

	if (!kind)
		return 0;
	err = prepare_begin(store, life, event, &kind->columns);
	if (!err && event != LIFE_FORK)
		err = prepare_change(store, life, event, &kind->columns);
	if (!err && (event == LIFE_FORK || event == LIFE_ALIVE))
		err = prepare_close(store, event);
	return err;
}

int lives_open(struct store *store)
{
	const struct store_kind *life = writer_kind(store, "process_life");
	int err;

	if (!life)
		return 0;
	store->lives.is_on = true;
	err = database_run(
		store->database,
		"CREATE INDEX IF NOT EXISTS process_life_pid ON process_life_row(pid) WHERE NOT is_over;"
		"CREATE INDEX IF NOT EXISTS process_life_pids ON process_life_row(pid, at_unix_ns);"
		"UPDATE process_life_row SET is_over = 1, ended_unix_ns = max(at_unix_ns, "
		"ifnull((SELECT value FROM meta WHERE key = 'committed_unix_ns'), 0)) "
		"WHERE NOT is_over");
	for (int event = 0; !err && event < LIFE_EVENT_COUNT; event++)
		err = prepare_event(store, life, (enum life_event)event);
	err = err
		      ?: database_prepare(store->database,
					  "SELECT seq, pid, at_unix_ns FROM process_life_row "
					  "WHERE NOT is_over AND pid > ?1 ORDER BY pid LIMIT ?2",
					  &store->lives.list);
	return err
		       ?: database_prepare(store->database,
					   "UPDATE process_life_row SET is_over = 1, ended_unix_ns "
					   "= max(at_unix_ns, ?2) WHERE seq = ?1 AND NOT is_over",
					   &store->lives.end);
}

int lives_list(struct store *store, uint32_t after_pid, struct store_life *lives, size_t max,
	       size_t *ret_count)
{
	sqlite3_stmt *list = store->lives.list;
	size_t count = 0;
	int code;

	*ret_count = 0;
	if (!list)
		return 0;
	sqlite3_bind_int64(list, 1, after_pid);
	sqlite3_bind_int64(list, 2, (int64_t)max);
	while ((code = sqlite3_step(list)) == SQLITE_ROW && count < max)
		lives[count++] = (struct store_life){
			.seq = (uint64_t)sqlite3_column_int64(list, 0),
			.pid = (uint32_t)sqlite3_column_int64(list, 1),
			.at_unix_ns = (uint64_t)sqlite3_column_int64(list, 2),
		};
	sqlite3_reset(list);
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		return database_fail(store->database, "read");
	*ret_count = count;
	return 0;
}

int lives_end(struct store *store, uint64_t seq, uint64_t known_unix_ns)
{
	sqlite3_stmt *end = store->lives.end;

	sqlite3_bind_int64(end, 1, (int64_t)seq);
	sqlite3_bind_int64(end, 2, (int64_t)known_unix_ns);
	return database_step(end);
}

static int run(sqlite3_stmt *statement, uint64_t seq)
{
	if (!statement)
		return 0;
	sqlite3_bind_int64(statement, 1, (int64_t)seq);
	return database_step(statement);
}

int lives_take(struct store *store, const struct store_kind *kind, uint64_t seq)
{
	struct lives *lives = &store->lives;
	int event = 0, err;

	if (!lives->is_on || strncmp(kind->table, "process_", 8) != 0)
		return 0;
	while (event < LIFE_EVENT_COUNT && strcmp(kind->table, events[event]) != 0)
		event++;
	if (event == LIFE_EVENT_COUNT || !lives->begin[event])
		return 0;
	err = run(lives->change[event], seq);
	if (err || (lives->change[event] && sqlite3_changes64(store->database)))
		return err;
	err = run(lives->close[event], seq);
	return err ?: run(lives->begin[event], seq);
}

int lives_delete(struct store *store, uint64_t before_unix_ns)
{
	char sql[128];

	if (!store->lives.is_on)
		return 0;
	snprintf(sql, sizeof(sql),
		 "DELETE FROM process_life_row WHERE is_over AND ended_unix_ns < %lu",
		 (unsigned long)before_unix_ns);
	return database_run(store->database, sql);
}
