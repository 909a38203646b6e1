/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "store/dashboard.h"
#include "store/layout.h"
#include "store/writer.h"

#define CHECK_STEPS 20000000 /* of SQLite's machine, for the check of a file that is opened */
#define NS_PER_DAY  (86400 * NS_PER_S)

static int stop_check(void *context)
{
	(void)context;
	return 1;
}

/* A large file is checked as far as the steps go. */
static int check_file(sqlite3 *database)
{
	sqlite3_stmt *statement;
	int code, err = 0;

	if (sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &statement, NULL) !=
	    SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_progress_handler(database, CHECK_STEPS, stop_check, NULL);
	code = sqlite3_step(statement);
	sqlite3_progress_handler(database, 0, NULL, NULL);
	if (code == SQLITE_ROW &&
	    strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		err = fail(-EUCLEAN, "the store '%s' is broken: %s",
			   sqlite3_db_filename(database, "main"),
			   (const char *)sqlite3_column_text(statement, 0));
	else if (code != SQLITE_ROW && (code & 0xff) != SQLITE_INTERRUPT)
		err = database_fail(database, "read");
	sqlite3_finalize(statement);
	return err;
}

static int lock_file(struct store *store)
{
	own(freep) char *path = NULL;

	if (asprintf(&path, "%s-lock", store->path) < 0)
		return -ENOMEM;
	store->lock = file_lock(path);
	if (store->lock == -EWOULDBLOCK) {
		int err = fail(-EBUSY, "another kymo writes the store '%s'", store->path);

		hint("end it, or choose another file: [store] path");
		return err;
	}
	return store->lock < 0 ? store->lock : 0;
}

/* INSERT INTO "x_row" VALUES(?, ...), by name: a table may have columns that this program lacks. */
static int prepare_insert(struct store *store, struct store_kind *kind)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return -ENOMEM;
	fprintf(out, "INSERT INTO \"%s_row\"(seq", kind->table);
	vec_each(column, &kind->columns.list)
		fprintf(out, ", \"%s\"", column->name);
	fputs(") VALUES(?", out);
	for (size_t i = 0; i < kind->columns.list.len; i++)
		fputs(", ?", out);
	putc(')', out);
	err = fclose(out) == 0 ? database_prepare(store->database, text, &kind->insert) : -ENOMEM;
	free(text);
	return err;
}

static int add_kind(struct store *store, const struct schema *schema)
{
	struct store_kind kind = { .schema = schema };
	int err = columns_of(schema, &kind.columns);

	columns_table(schema, kind.table);
	rollup_kind_of(schema, &kind.rollup);
	err = err ?: layout_kind(store->database, schema, &kind.columns);
	err = err ?: prepare_insert(store, &kind);
	err = err ?: vec_push(&store->kinds, kind);
	if (err)
		vec_done(&kind.columns.list);
	return err;
}

static int add_kinds(struct store *store, const struct record_view *views, size_t count)
{
	int err = database_run(store->database, "BEGIN IMMEDIATE");

	for (size_t i = 0; i < count; i++)
		for (const struct schema *const *one = views[i].schemas; !err && *one; one++)
			err = add_kind(store, *one);
	err = err ?: dashboard_views(store->database);
	return err ?: database_run(store->database, "COMMIT");
}

/* Rows of all tables are counted together. */
static int find_seq(struct store *store)
{
	int64_t most;
	int err = database_number(store->database,
				  "SELECT max((SELECT ifnull(max(seq), 0) FROM loss), "
				  "(SELECT ifnull(max(seq), 0) FROM profile), "
				  "(SELECT ifnull(max(seq), 0) FROM wait_profile))",
				  &most);

	store->next_seq = (uint64_t)most + 1;
	vec_each(kind, &store->kinds) {
		char sql[256];

		snprintf(sql, sizeof(sql), "SELECT max(seq) FROM \"%s_row\"", kind->table);
		err = err ?: database_number(store->database, sql, &most);
		if (!err && (uint64_t)most >= store->next_seq)
			store->next_seq = (uint64_t)most + 1;
	}
	if (!err)
		err = database_number(store->database, "SELECT value FROM meta WHERE key = 'seq'",
				      &most);
	if (!err && (uint64_t)most >= store->next_seq)
		store->next_seq = (uint64_t)most + 1;
	store->state.committed_seq = store->next_seq - 1;
	return err;
}

static int note(struct store *store, const char *key, uint64_t value)
{
	sqlite3_bind_text(store->note, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(store->note, 2, (int64_t)value);
	return database_step(store->note);
}

static int prepare(struct store *store)
{
	sqlite3 *database = store->database;
	int err = database_prepare(database,
				   "INSERT INTO loss(seq, collector, event, why, count, "
				   "from_unix_ns, to_unix_ns) VALUES(?, ?, ?, ?, ?, ?, ?)",
				   &store->insert_loss);

	err = err
		      ?: database_prepare(database, "INSERT OR REPLACE INTO container VALUES(?, ?)",
					  &store->insert_container);
	err = err
		      ?: database_prepare(database, "INSERT OR REPLACE INTO meta VALUES(?, ?)",
					  &store->note);
	err = err ?: interner_open(&store->interner, database);
	err = err ?: profile_writer_open(&store->profiles, database);
	err = err ?: lives_open(store);
	err = err ?: rollup_writer_open(store);
	err = err ?: incidents_open(store);
	err = err ?: redact_new("", &store->redact);
	if (err)
		return err;
	store->text = malloc(RECORD_TEXT_BYTES);
	store->words_out = open_memstream(&store->words, &store->words_len);
	return store->text && store->words_out ? 0 : -ENOMEM;
}

static int open_file(struct store *store, const struct record_view *views, size_t view_count)
{
	int err = lock_file(store);

	err = err ?: database_open(store->path, true, &store->database);
	err = err ?: check_file(store->database);
	err = err ?: layout_prepare(store->database);
	err = err ?: add_kinds(store, views, view_count);
	err = err ?: prepare(store);
	err = err ?: find_seq(store);
	err = err ?: losses_add_gap(store);
	err = err ?: note(store, "seq", store->state.committed_seq);
	err = err ?: note(store, "is_open", 1);
	if (err == -EUCLEAN && !*error_hint())
		hint("move '%s' away and start again; what it has can be read with "
		     "'sqlite3 %s .recover'",
		     store->path, store->path);
	return err;
}

int store_open(const struct store_options *options, const struct record_view *views,
	       size_t view_count, struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	store->options = *options;
	store->options.commit_ns = options->commit_ns ?: STORE_COMMIT_NS;
	store->options.commit_rows = options->commit_rows ?: STORE_COMMIT_ROWS;
	store->lock = -1;
	store->path = strdup(options->path);
	err = store->path ? open_file(store, views, view_count) : -ENOMEM;
	if (err) {
		store_close(store);
		return err;
	}
	*ret_store = store;
	return 0;
}

/* The file system has less room than it has to keep. */
static bool is_full(struct store *store)
{
	struct statvfs space;
	uint64_t now = clock_mono_ns();

	if (now < store->looked_mono_ns + NS_PER_S)
		return store->is_full;
	store->looked_mono_ns = now;
	store->is_full = statvfs(store->path, &space) == 0 &&
			 space.f_bavail * space.f_frsize < store->options.min_free_bytes;
	return store->is_full;
}

static void set_failing(struct store *store, const char *why)
{
	store->state.is_failing = true;
	snprintf(store->state.why, sizeof(store->state.why), "%s", why);
	error_clear();
}

/* The open transaction is gone, and its rows with it. */
static int roll_back(struct store *store)
{
	int err;

	set_failing(store, error_text());
	if (!sqlite3_get_autocommit(store->database))
		sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
	interner_forget(&store->interner);
	profile_writer_forget(&store->profiles);
	rollup_forget(&store->rollups);
	err = losses_add_batch(store);
	store->is_open = false;
	store->batch_rows = 0;
	return err;
}

static int begin(struct store *store)
{
	int err;

	if (store->is_open)
		return 0;
	err = database_run(store->database, "BEGIN IMMEDIATE");
	store->is_open = !err;
	store->began_mono_ns = clock_mono_ns();
	store->interner.day = (uint32_t)(clock_unix_ns() / NS_PER_DAY);
	return err;
}

static int commit(struct store *store)
{
	uint64_t now = clock_unix_ns();
	int err = losses_write(store);

	err = err ?: rollup_flush(store);
	err = err ?: note(store, "committed_unix_ns", now);
	err = err ?: note(store, "seq", store->next_seq - 1);
	err = err ?: database_run(store->database, "COMMIT");
	if (err)
		return err;
	store->losses.len = 0;
	store->is_open = false;
	store->batch_rows = 0;
	store->state.committed_seq = store->next_seq - 1;
	store->state.is_failing = false;
	vec_each(kind, &store->kinds)
		kind->in_batch = 0;
	return 0;
}

void store_tick(struct store *store, bool must_commit)
{
	bool is_due = store->is_open &&
		      (must_commit || store->batch_rows >= store->options.commit_rows ||
		       clock_mono_ns() >= store->began_mono_ns + store->options.commit_ns);
	int err = 0;

	if (!store->is_open && store->losses.len && !is_full(store))
		is_due = (err = begin(store)) == 0;
	if (!err && !is_due)
		return;
	err = err ?: commit(store);
	if (err)
		(void)!roll_back(store);
	else if (retention_slice(store))
		set_failing(store, error_text());
}

static struct store_kind *kind_of(struct store *store, const struct schema *schema)
{
	struct store_kind *kinds = store->kinds.data;

	if (store->last_kind < store->kinds.len && kinds[store->last_kind].schema == schema)
		return &kinds[store->last_kind];
	for (size_t i = 0; i < store->kinds.len; i++)
		if (kinds[i].schema == schema) {
			store->last_kind = i;
			return &kinds[i];
		}
	return NULL;
}

static int sink_record(struct record_target *target, const struct record *record)
{
	struct store *store = target->state;
	struct store_kind *kind = kind_of(store, record->schema);
	int err;

	if (!kind)
		return fail(-EINVAL, "the store has no table for '%s %s'",
			    record->schema->collector, record->schema->event);
	if (is_full(store)) {
		set_failing(store, "the file system of the store is full");
		return losses_add_one(store, record->schema,
				      "the file system of the store is full");
	}
	err = begin(store);
	err = err ?: writer_bind(store, kind, target, record);
	err = err ?: database_step(kind->insert);
	err = err ?: lives_take(store, kind, store->next_seq);
	err = err ?: rollup_take(store, kind, target, record);
	err = err ?: incidents_take(store, kind, store->next_seq);
	kind->in_batch++;
	store->state.rows++;
	if (err == -ENOMEM)
		return err;
	if (err)
		return roll_back(store);
	store->next_seq++;
	store->batch_rows++;
	if (store->batch_rows >= store->options.commit_rows)
		store_tick(store, false);
	return 0;
}

static int sink_loss(struct record_target *target, const struct record_loss *loss)
{
	struct store_loss kept = {
		.count = loss->count,
		.from_unix_ns = loss->from_mono_ns + target->unix_offset_ns,
		.to_unix_ns = loss->to_mono_ns + target->unix_offset_ns,
	};

	snprintf(kept.collector, sizeof(kept.collector), "%s", loss->collector);
	snprintf(kept.event, sizeof(kept.event), "%s", loss->event);
	snprintf(kept.why, sizeof(kept.why), "%s", loss->why);
	return losses_add(target->state, &kept);
}

static int sink_flush(struct record_target *target)
{
	store_tick(target->state, false);
	return 0;
}

int store_add_slice(struct store *store, const struct store_slice *slice)
{
	int err;

	if (slice->is_new)
		profile_writer_renumber(&store->profiles);
	if (is_full(store))
		return losses_add_slice(store, slice, "the file system of the store is full");
	err = begin(store);
	err = err ?: profile_write(store, slice);
	if (!err) {
		store->next_seq++;
		store->batch_rows += slice->profile->entries.len + slice->wait_count + 1;
		return 0;
	}
	return err == -ENOMEM ? err :
				roll_back(store) ?: losses_add_slice(store, slice, "not written to the store");
}

uint64_t store_next_seq(const struct store *store)
{
	return store->next_seq;
}

int store_add_incident(struct store *store, uint64_t incident, const struct profile *profile)
{
	int err;

	if (is_full(store)) {
		profile_drop_incident(&store->profiles);
		return 1;
	}
	err = begin(store);
	err = err ?: profile_write_incident(store, incident, profile);
	if (err == 1)
		return STORE_MORE;
	store->batch_rows += profile->entries.len + 1;
	if (!err || err == -ENOMEM)
		return err;
	profile_drop_incident(&store->profiles);
	return roll_back(store) ?: 1;
}

const struct record_sink store_sink = {
	.name = "store",
	.record = sink_record,
	.loss = sink_loss,
	.flush = sink_flush,
};

int store_cover(struct store *store, const char *collector, uint64_t from_unix_ns,
		uint64_t to_unix_ns)
{
	const uint64_t step_ns = rollup_steps_s[0] * NS_PER_S;
	int err = is_full(store) ? 0 : begin(store);

	/* A part for each step that the time lies in. */
	for (uint64_t at = from_unix_ns; !err && store->is_open && at < to_unix_ns;) {
		uint64_t next = (at / step_ns + 1) * step_ns;

		if (next > to_unix_ns)
			next = to_unix_ns;
		err = rollup_add(store, ROLLUP_OF_COVERAGE, "collector", collector, at, 1,
				 next - at);
		at = next;
	}
	return err && err != -ENOMEM ? roll_back(store) : err;
}

int store_lives(struct store *store, uint32_t after_pid, struct store_life *lives, size_t max,
		size_t *ret_count)
{
	return lives_list(store, after_pid, lives, max, ret_count);
}

int store_end_life(struct store *store, uint64_t seq, uint64_t known_unix_ns)
{
	int err = is_full(store) ? 0 : begin(store);

	if (!err && store->is_open)
		err = lives_end(store, seq, known_unix_ns);
	return err && err != -ENOMEM ? roll_back(store) : err;
}

int store_copy_totals(const struct store *store, struct rollup_totals *totals)
{
	return rollup_totals_copy(&store->rollups.totals, totals);
}

void store_state(const struct store *store, struct store_state *ret_state)
{
	*ret_state = store->state;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->note) {
		store_tick(store, true);
		if (!store->is_open && note(store, "is_open", 0))
			error_clear();
	}
	database_close(store->database);
	interner_done(&store->interner);
	profile_writer_done(&store->profiles);
	rollup_writer_done(&store->rollups);
	redact_free(store->redact);
	vec_each(kind, &store->kinds)
		vec_done(&kind->columns.list);
	vec_done(&store->kinds);
	vec_done(&store->losses);
	if (store->words_out)
		fclose(store->words_out);
	free(store->words);
	free(store->text);
	free(store->path);
	fd_closep(&store->lock);
	free(store);
}
