/* SPDX-License-Identifier: MIT */
/* retention.c - deletes what is too old or too much, a slice behind each transaction, so that the writer
 * never waits for long.  Rows go in the order in which they came, whatever their kind.
 */
#include <stdio.h>

#include "base/clock.h"
#include "store/writer.h"

#define VACUUM_PAGES 64 /* given back behind each slice */

/* The oldest row of all tables: its number and, if one looks at its kind, its time. */
static int find_oldest(struct store *store, uint64_t *ret_seq, uint64_t *ret_at)
{
	char sql[256];
	int64_t seq, at;
	int err = 0;

	*ret_seq = *ret_at = UINT64_MAX;
	vec_each(kind, &store->kinds) {
		if (kind->schema->shape == SCHEMA_JOINED)
			continue;
		snprintf(sql, sizeof(sql), "SELECT min(seq) FROM \"%s_row\"", kind->table);
		err = err ?: database_number(store->database, sql, &seq);
		if (err || !seq || (uint64_t)seq >= *ret_seq)
			continue;
		*ret_seq = (uint64_t)seq;
		snprintf(sql, sizeof(sql), "SELECT at_unix_ns FROM \"%s_row\" WHERE seq = %ld",
			 kind->table, (long)seq);
		err = database_number(store->database, sql, &at);
		*ret_at = (uint64_t)at;
	}
	if (!err)
		err = database_number(store->database, "SELECT min(seq) FROM profile", &seq);
	if (err || !seq || (uint64_t)seq >= *ret_seq)
		return err;
	*ret_seq = (uint64_t)seq;
	err = database_number(store->database,
			      "SELECT to_unix_ns FROM profile ORDER BY seq LIMIT 1", &at);
	*ret_at = (uint64_t)at;
	return err;
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
		 "DELETE FROM loss WHERE seq < %lu; DELETE FROM profile WHERE seq < %lu",
		 (unsigned long)seq, (unsigned long)seq);
	err = err ?: database_run(store->database, sql);
	err = err ?: lives_delete(store, store->state.oldest_unix_ns);
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

	err = err ?: find_oldest(store, &seq, &at);
	if (err || seq == UINT64_MAX)
		return err;
	store->state.oldest_seq = seq;
	store->state.oldest_unix_ns = at;
	if ((store->options.max_bytes && store->state.bytes > store->options.max_bytes) ||
	    (store->options.max_age_ns && at < horizon))
		err = delete_below(store, seq + STORE_SLICE_ROWS);
	return err;
}
