/* SPDX-License-Identifier: MIT */
#include "store/incidents.h"

#include <errno.h>
#include <string.h>

#include "store/writer.h"

#define DELETE_PROFILES \
	"DELETE FROM incident_profile WHERE incident NOT IN (SELECT seq FROM incident_whole_row)"

static void put_columns(FILE *out, const struct store_kind *kind)
{
	vec_each(column, &kind->columns.list)
		fprintf(out, ", \"%s\"", column->name);
}

static int prepare_begin(struct store *store, const struct store_kind *begin)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fputs("INSERT INTO incident_whole_row(seq, is_over", out);
	put_columns(out, begin);
	fputs(") SELECT seq, 0", out);
	put_columns(out, begin);
	fputs(" FROM incident_begin_row WHERE seq = ?1", out);
	return database_prepare_text(store->database, out, &text, &store->incidents.begin);
}

static int prepare_end(struct store *store, const struct store_kind *begin,
		       const struct store_kind *end, const struct store_kind *whole)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fputs("UPDATE incident_whole_row AS w SET is_over = 1, ended_unix_ns = r.at_unix_ns", out);
	vec_each(column, &end->columns.list)
		if (!columns_find(&begin->columns, column->name) &&
		    columns_find(&whole->columns, column->name))
			fprintf(out, ", \"%s\" = r.\"%s\"", column->name, column->name);
	fputs(" FROM incident_end_row r WHERE r.seq = ?1 AND w.seq = r.incident", out);
	return database_prepare_text(store->database, out, &text, &store->incidents.end);
}

/* Nobody looks at them any more. */
static int cut_open_ones(struct store *store)
{
	sqlite3_stmt *cut;
	int64_t id, count;
	int err = database_number(store->database,
				  "SELECT count(*) FROM incident_whole_row WHERE NOT is_over",
				  &count);

	if (err || !count)
		return err;
	err = interner_id(&store->interner, "cut", 3, &id);
	err = err
		      ?: database_prepare(
				 store->database,
				 "UPDATE incident_whole_row SET is_over = 1, state = ?1, "
				 "ended_unix_ns = max(at_unix_ns, ifnull((SELECT value FROM "
				 "meta WHERE key = 'committed_unix_ns'), 0)) WHERE NOT is_over",
				 &cut);
	if (err)
		return err;
	sqlite3_bind_int64(cut, 1, id);
	err = database_step(cut);
	sqlite3_finalize(cut);
	return err;
}

int incidents_open(struct store *store)
{
	const struct store_kind *whole = writer_kind(store, "incident_whole");
	const struct store_kind *begin = writer_kind(store, "incident_begin");
	const struct store_kind *end = writer_kind(store, "incident_end");
	struct incidents *incidents = &store->incidents;
	int err;

	if (!whole || !begin || !end)
		return 0;
	incidents->is_on = true;
	err = prepare_begin(store, begin);
	err = err ?: prepare_end(store, begin, end, whole);
	err = err
		      ?: database_prepare(
				 store->database,
				 "DELETE FROM incident_whole_row WHERE seq IN (SELECT seq FROM "
				 "incident_whole_row ORDER BY seq DESC LIMIT -1 OFFSET ?1)",
				 &incidents->trim);
	err = err ?: database_prepare(store->database, DELETE_PROFILES, &incidents->trim_profiles);
	err = err
		      ?: database_prepare(store->database,
					  "INSERT OR REPLACE INTO incident_profile "
					  "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
					  &incidents->add_profile);
	return err ?: cut_open_ones(store);
}

int incidents_take(struct store *store, const struct store_kind *kind, uint64_t seq)
{
	struct incidents *incidents = &store->incidents;
	bool is_begin = strcmp(kind->table, "incident_begin") == 0;
	sqlite3_stmt *change = is_begin ? incidents->begin : incidents->end;
	int err;

	if (!incidents->is_on || strncmp(kind->table, "incident_", 9) != 0)
		return 0;
	sqlite3_bind_int64(change, 1, (int64_t)seq);
	err = database_step(change);
	if (err || !is_begin || !store->options.max_incidents)
		return err;
	sqlite3_bind_int64(incidents->trim, 1, (int64_t)store->options.max_incidents);
	err = database_step(incidents->trim);
	return err ?: database_step(incidents->trim_profiles);
}

int incidents_delete(struct store *store, uint64_t before_unix_ns)
{
	char sql[256];

	if (!store->incidents.is_on)
		return 0;
	snprintf(
		sql, sizeof(sql),
		"DELETE FROM incident_whole_row WHERE is_over AND ended_unix_ns < %lu; " DELETE_PROFILES,
		(unsigned long)before_unix_ns);
	return database_run(store->database, sql);
}
