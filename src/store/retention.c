/* SPDX-License-Identifier: MIT */
/* retention.c - deletes what is too old or too much, a slice behind each transaction, so that the writer
 * never waits for long.  Rows go in the order in which they came, whatever their kind.
 */
#include <stdio.h>

#include "base/clock.h"
#include "store/writer.h"

#define VACUUM_PAGES 64 /* given back behind each slice */

/* Whether a table has an older row than what was found; then its number and its time. */
static int look_at(struct store *store, const char *table, const char *time, uint64_t *seq,
		   uint64_t *at)
{
	char sql[256];
	int64_t first, when;
	int err;

	snprintf(sql, sizeof(sql), "SELECT min(seq) FROM \"%s\"", table);
	err = database_number(store->database, sql, &first);
	if (err || !first || (uint64_t)first >= *seq)
		return err;
	*seq = (uint64_t)first;
	snprintf(sql, sizeof(sql), "SELECT %s FROM \"%s\" WHERE seq = %ld", time, table,
		 (long)first);
	err = database_number(store->database, sql, &when);
	*at = (uint64_t)when;
	return err;
}

/* The oldest row of all tables: its number and, if one looks at its kind, its time. */
static int find_oldest(struct store *store, uint64_t *ret_seq, uint64_t *ret_at)
{
	char table[COLUMNS_TABLE_BYTES + 8];
	int err = 0;

	*ret_seq = *ret_at = UINT64_MAX;
	vec_each(kind, &store->kinds) {
		if (kind->schema->shape == SCHEMA_JOINED)
			continue;
		snprintf(table, sizeof(table), "%s_row", kind->table);
		err = err ?: look_at(store, table, "at_unix_ns", ret_seq, ret_at);
	}
	err = err ?: look_at(store, "profile", "to_unix_ns", ret_seq, ret_at);
	return err ?: look_at(store, "wait_profile", "to_unix_ns", ret_seq, ret_at);
}

static int delete_below(struct store *store, uint64_t seq)
{
	int err = database_run(store->database, "BEGIN IMMEDIATE");
	char sql[256];

	vec_each(kind, &store->kinds) {
		if (kind->schema->shape == SCHEMA_JOINED)
			continue;
		snprintf(sql, sizeof(sql), "DELETE FROM \"%s_row\" WHERE seq < %lu", kind->table,
			 (unsigned long)seq);
		err = err ?: database_run(store->database, sql);
		store->state.deleted += (uint64_t)sqlite3_changes64(store->database);
	}
	snprintf(sql, sizeof(sql),
		 "DELETE FROM loss WHERE seq < %lu; DELETE FROM profile WHERE seq < %lu; "
		 "DELETE FROM wait_profile WHERE seq < %lu; DELETE FROM wait_row WHERE seq < %lu",
		 (unsigned long)seq, (unsigned long)seq, (unsigned long)seq, (unsigned long)seq);
	err = err ?: database_run(store->database, sql);
	err = err ?: lives_delete(store, store->state.oldest_unix_ns);
	err = err ?: incidents_delete(store, store->state.oldest_unix_ns);
	err = err ?: database_run(store->database, "COMMIT");
	if (err && !sqlite3_get_autocommit(store->database))
		sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	return err ?: database_run(store->database, sql);
}

static int measure(struct store *store)
{
	return database_number(store->database,
			       "SELECT (page_count - freelist_count) * page_size FROM "
			       "pragma_page_count, pragma_freelist_count, pragma_page_size",
			       (int64_t *)&store->state.bytes);
}

int retention_slice(struct store *store)
{
	uint64_t seq, at, horizon = clock_unix_ns() - store->options.max_age_ns;
	int err = measure(store);
	bool is_too_much =
		store->options.max_bytes && store->state.bytes > store->options.max_bytes;

	err = err ?: find_oldest(store, &seq, &at);
	err = err ?: rollup_delete(store, at, is_too_much);
	if (err || seq == UINT64_MAX)
		return err;
	store->state.oldest_seq = seq;
	store->state.oldest_unix_ns = at;
	if (is_too_much || (store->options.max_age_ns && at < horizon))
		err = delete_below(store, seq + STORE_SLICE_ROWS);
	return err;
}
