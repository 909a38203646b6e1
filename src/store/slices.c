/* SPDX-License-Identifier: MIT */
#include "store/slices.h"

#include <errno.h>

#include "base/error.h"
#include "store/reader_parts.h"

bool slices_wanted(const struct profile_query *query, enum store_slice_kind kind)
{
	return !query->incident && (query->time == PROFILE_LIVING ||
				    (query->time == PROFILE_WAITING) == (kind == STORE_WAITS));
}

/* The columns that all of them have, in this order. */
static struct slice slice_of(sqlite3_stmt *row)
{
	return (struct slice){
		.from_unix_ns = (uint64_t)sqlite3_column_int64(row, 0),
		.to_unix_ns = (uint64_t)sqlite3_column_int64(row, 1),
		.samples = (uint64_t)sqlite3_column_int64(row, 2),
		.weight_ns = (uint64_t)sqlite3_column_int64(row, 3),
		.lost = (uint64_t)sqlite3_column_int64(row, 4),
		.rate_hz = (uint32_t)sqlite3_column_int64(row, 5),
		.cpus = (uint32_t)sqlite3_column_int64(row, 6),
		.mode = (const char *)sqlite3_column_text(row, 7) ?: "",
		.data = sqlite3_column_blob(row, 8),
		.len = (size_t)sqlite3_column_bytes(row, 8),
	};
}

int slices_each(struct store_reader *reader, const struct profile_query *query,
		enum store_slice_kind kind, int (*each)(void *context, const struct slice *slice),
		void *context)
{
	static const char *const sql[] = {
		[STORE_SAMPLES] = "SELECT from_unix_ns, to_unix_ns, samples, weight_ns, lost, "
				  "rate_hz, cpus, mode, data, 0 FROM profile WHERE "
				  "to_unix_ns > ?1 ORDER BY to_unix_ns",
		[STORE_WAITS] = "SELECT from_unix_ns, to_unix_ns, samples, weight_ns, lost, "
				"0, cpus, mode, data, min_wait_ns FROM wait_profile WHERE "
				"to_unix_ns > ?1 ORDER BY to_unix_ns",
	};
	sqlite3 *database = reader_database(reader);
	sqlite3_stmt *row;
	int code = SQLITE_DONE, err = 0;

	/* A file that an older kymo wrote has no waits. */
	if (kind == STORE_WAITS && !reader_has_waits(reader))
		return 0;
	if (sqlite3_prepare_v2(database, sql[kind], -1, &row, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_int64(row, 1, (int64_t)query->start_unix_ns);
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW) {
		struct slice slice = slice_of(row);

		slice.min_wait_ns = (uint64_t)sqlite3_column_int64(row, 9);
		/* Slices are in order; the next ones begin behind the end. */
		if (query->end_unix_ns && slice.from_unix_ns >= query->end_unix_ns)
			break;
		err = each(context, &slice);
	}
	if (!err && code != SQLITE_DONE && code != SQLITE_ROW)
		err = database_fail(database, "read");
	sqlite3_finalize(row);
	return err;
}

int slices_incident(struct store_reader *reader, uint64_t incident,
		    int (*each)(void *context, const struct slice *slice, enum profile_time time,
				const char *lacks),
		    void *context)
{
	sqlite3 *database = reader_database(reader);
	bool has_table;
	sqlite3_stmt *row;
	int code, err = database_has_column(database, "incident_profile", "data", &has_table);

	/* A file that an older kymo wrote has none. */
	if (err || !has_table)
		return err ?: -ENOENT;
	if (sqlite3_prepare_v2(
		    database,
		    "SELECT from_unix_ns, to_unix_ns, samples, weight_ns, lost, rate_hz, cpus, "
		    "mode, data, kind, lacks FROM incident_profile WHERE incident = ?",
		    -1, &row, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_int64(row, 1, (int64_t)incident);
	code = sqlite3_step(row);
	if (code == SQLITE_ROW) {
		struct slice slice = slice_of(row);
		int64_t kind = sqlite3_column_int64(row, 9);

		err = kind < PROFILE_RUNNING || kind > PROFILE_LIVING
			      ? fail(-EUCLEAN, "the store has a profile that makes no sense")
			      : each(context, &slice, (enum profile_time)kind,
				     (const char *)sqlite3_column_text(row, 10) ?: "");
	} else {
		err = code == SQLITE_DONE ? -ENOENT : database_fail(database, "read");
	}
	sqlite3_finalize(row);
	return err;
}

int slices_read_losses(struct store_reader *reader, const struct profile_query *query,
		       uint64_t *ret_lost)
{
	static const char *const collectors[] = {
		[STORE_SAMPLES] = "profile", [STORE_WAITS] = "waits"
	};
	int err = 0;

	*ret_lost = 0;
	for (int kind = STORE_SAMPLES; !err && kind <= STORE_WAITS; kind++) {
		uint64_t lost = 0;

		if (slices_wanted(query, (enum store_slice_kind)kind))
			err = store_read_losses(reader, query->start_unix_ns, query->end_unix_ns,
						collectors[kind], &lost);
		*ret_lost = store_lost_add(*ret_lost, lost);
	}
	return err;
}

static int id_order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int task_filter_open(struct store_reader *reader, const struct profile_query *query,
		     struct task_filter *filter)
{
	sqlite3 *database = reader_database(reader);
	sqlite3_stmt *row;
	int code = SQLITE_DONE, err = 0;

	filter->has_conditions = query->pid_count || query->comm || query->container;
	if (!filter->has_conditions)
		return 0;
	if (sqlite3_prepare_v2(database,
			       "SELECT id FROM task WHERE (?1 < 0 OR pid = ?1) AND (?2 IS NULL OR "
			       "(SELECT id FROM string WHERE text = ?2) IN (name, process)) AND "
			       "(?3 IS NULL OR pid IN (SELECT l.pid FROM process_life_row l JOIN "
			       "container c ON c.path = l.cgroup WHERE "
			       "substr(c.id, 1, length(?3)) = ?3 AND "
			       "(NOT l.is_over OR l.ended_unix_ns >= ?4) AND l.at_unix_ns < ?5))",
			       -1, &row, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	for (size_t i = 0; !err && i < (query->pid_count ?: 1); i++) {
		sqlite3_reset(row);
		sqlite3_bind_int64(row, 1, query->pid_count ? (int64_t)query->pids[i] : -1);
		sqlite3_bind_text(row, 2, query->comm, -1, SQLITE_STATIC);
		sqlite3_bind_text(row, 3, query->container, -1, SQLITE_STATIC);
		sqlite3_bind_int64(row, 4, (int64_t)query->start_unix_ns);
		sqlite3_bind_int64(row, 5, (int64_t)(query->end_unix_ns ?: INT64_MAX));
		while (!err && (code = sqlite3_step(row)) == SQLITE_ROW)
			err = vec_push(&filter->wanted, sqlite3_column_int64(row, 0));
		if (!err && code != SQLITE_DONE)
			err = database_fail(database, "read");
	}
	sqlite3_finalize(row);
	if (filter->wanted.len)
		qsort(filter->wanted.data, filter->wanted.len, sizeof(*filter->wanted.data),
		      id_order);
	return err;
}

void task_filter_done(struct task_filter *filter)
{
	vec_done(&filter->wanted);
}

bool task_filter_wants(const struct task_filter *filter, int64_t task)
{
	return !filter->has_conditions ||
	       (filter->wanted.len &&
		bsearch(&task, filter->wanted.data, filter->wanted.len, sizeof(task), id_order));
}

int slices_each_wait(struct store_reader *reader, const struct profile_query *query,
		     struct task_filter *filter,
		     int (*each)(void *context, const struct slice_wait *wait), void *context)
{
	uint64_t start = query->start_unix_ns, end = query->end_unix_ns ?: INT64_MAX;
	sqlite3 *database = reader_database(reader);
	sqlite3_stmt *row;
	int code = SQLITE_DONE, err = 0;

	if (!slices_wanted(query, STORE_WAITS) || !reader_has_waits(reader))
		return 0;
	if (sqlite3_prepare_v2(database,
			       "SELECT from_unix_ns, to_unix_ns, task, stack FROM wait_row "
			       "WHERE to_unix_ns > ? AND from_unix_ns < ?",
			       -1, &row, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_int64(row, 1, (int64_t)start);
	sqlite3_bind_int64(row, 2, (int64_t)end);
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW) {
		struct slice_wait wait = {
			.entry = { .task = sqlite3_column_int64(row, 2),
				   .stack = sqlite3_column_int64(row, 3),
				   .samples = 1 },
			.from_unix_ns = (uint64_t)sqlite3_column_int64(row, 0),
			.to_unix_ns = (uint64_t)sqlite3_column_int64(row, 1),
		};

		if (!task_filter_wants(filter, wait.entry.task))
			continue;
		if (wait.from_unix_ns < start)
			wait.from_unix_ns = start;
		if (wait.to_unix_ns > end)
			wait.to_unix_ns = end;
		wait.entry.weight_ns = wait.to_unix_ns - wait.from_unix_ns;
		err = each(context, &wait);
	}
	if (!err && code != SQLITE_DONE)
		err = database_fail(database, "read");
	sqlite3_finalize(row);
	return err;
}
