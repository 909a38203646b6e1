/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/records.test.h"
#include "store/file.test.h"
#include "store/reader.h"
#include "store/store.h"

static const struct schema *const schemas[] = { &made_schema, NULL };
static const struct record_view views[] = { { .collector = "made", .schemas = schemas } };

static int each_test(void **state)
{
	(void)state;
	file_begin("store");
	return 0;
}

static struct store *open_with(struct store_options options)
{
	struct store *store = NULL;

	options.path = path;
	assert_int_equal(store_open(&options, views, 1, &store), 0);
	return store;
}

static struct record_target target_of(struct store *store)
{
	return (struct record_target){
		.state = store,
		.unix_offset_ns = 1000000000000000000ull,
		.cgroup_path = no_path,
	};
}

static void write_some(struct store *store, uint64_t first, uint64_t count)
{
	struct record_target target = target_of(store);

	for (uint64_t i = first; i < first + count; i++) {
		struct made_record one = made_one();
		struct record record = made_record(&one);

		one.event.at = i;
		one.took = i * 10;
		assert_int_equal(store_sink.record(&target, &record), 0);
	}
}

static void assert_text(const char *sql, const char *text)
{
	sqlite3 *database = NULL;
	sqlite3_stmt *statement;

	assert_int_equal(database_open(path, false, &database), 0);
	assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), text);
	sqlite3_finalize(statement);
	database_close(database);
}

static void a_view_shows_texts_and_time(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });

	(void)state;
	write_some(store, 5, 3);
	store_close(store);
	assert_int_equal(number("SELECT count(*) FROM made_up"), 3);
	assert_text("SELECT time FROM made_up", "2001-09-09T01:46:40.000Z");
	/* The first row has its texts in it, the others numbers of strings: the view tells no difference. */
	assert_int_equal(number("SELECT count(*) FROM made_up_row WHERE typeof(path) = 'text'"), 1);
	assert_int_equal(number("SELECT count(*) FROM made_up WHERE path = '/x/yz' AND "
				"words = '[\"a\",\"\",\"c d\"]' AND file = 'f,' || char(10)"),
			 3);
	assert_int_equal(number("SELECT count(*) FROM made_up WHERE comm = 'me' AND "
				"mode = 'half on' AND below = -3 AND address = '127.0.0.1'"),
			 3);
	assert_int_equal(number("SELECT sum(took_ns) FROM made_up"), 180);
	assert_int_equal(number("SELECT max(at_unix_ns) FROM made_up"), 1000000000000000007);
}

static void what_was_not_measured_is_null(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });
	struct record_target target = target_of(store);
	struct made_record one = made_one();
	struct record record = made_record(&one);

	(void)state;
	one.took = ~0ull;
	one.port = 0;
	one.path.bytes = 0;
	assert_int_equal(store_sink.record(&target, &record), 0);
	store_close(store);
	assert_int_equal(number("SELECT count(*) FROM made_up WHERE took_ns IS NULL AND "
				"port IS NULL AND path IS NULL AND error = 2"),
			 1);
}

struct seen {
	uint64_t count, sum, last_seq, last_at;
	uint64_t first_seq;
};

static int see(void *context, struct store_row *row)
{
	struct seen *seen = context;
	const struct columns *columns = store_row_columns(row);
	size_t took = (size_t)(columns_find(columns, "took_ns") - columns->list.data);
	size_t comm = (size_t)(columns_find(columns, "comm") - columns->list.data);

	assert_string_equal(store_row_value(row, comm).text, "me");
	seen->sum += (uint64_t)store_row_value(row, took).number;
	if (!seen->count++)
		seen->first_seq = store_row_seq(row);
	seen->last_seq = store_row_seq(row);
	seen->last_at = store_row_at(row);
	return 0;
}

static struct seen read_with(struct store_query query)
{
	struct store_reader *reader = NULL;
	struct seen seen = { 0 };

	query.schemas = schemas;
	assert_int_equal(store_reader_open(path, views, 1, &reader), 0);
	assert_int_equal(store_read(reader, &query, see, &seen), 0);
	store_reader_close(reader);
	return seen;
}

static void a_reader_pages_and_filters(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });
	uint64_t base = 1000000000000000000ull;
	struct seen seen;

	(void)state;
	write_some(store, 0, 100);
	store_tick(store, true);
	/* The writer is still open: readers see what was committed. */
	seen = read_with((struct store_query){ 0 });
	assert_int_equal(seen.count, 100);
	seen = read_with(
		(struct store_query){ .start_unix_ns = base + 10, .end_unix_ns = base + 20 });
	assert_int_equal(seen.count, 10);
	seen = read_with((struct store_query){ .limit = 30 });
	assert_int_equal(seen.count, 30);
	seen = read_with((struct store_query){
		.limit = 30, .after_at = seen.last_at, .after_seq = seen.last_seq });
	assert_int_equal(seen.last_at, base + 59);
	seen = read_with((struct store_query){ .newest_first = true, .limit = 5 });
	assert_int_equal(seen.first_seq, 100);
	assert_int_equal(seen.last_seq, 96);
	seen = read_with((struct store_query){ .by_seq = true, .after_seq = 90 });
	assert_int_equal(seen.count, 10);
	seen = read_with((struct store_query){
		.filters = { { "took_ns", STORE_AT_LEAST, true, 900, NULL } }, .filter_count = 1 });
	assert_int_equal(seen.count, 10);
	seen = read_with((struct store_query){
		.filters = { { "path", STORE_EQUAL, false, 0, "/x/yz" } }, .filter_count = 1 });
	assert_int_equal(seen.count, 100);
	seen = read_with((struct store_query){
		.filters = { { "comm", STORE_UNEQUAL, false, 0, "me" } }, .filter_count = 1 });
	assert_int_equal(seen.count, 0);
	seen = read_with((struct store_query){
		.filters = { { "nothing", STORE_EQUAL, true, 0, NULL } }, .filter_count = 1 });
	assert_int_equal(seen.count, 0);
	store_close(store);
}

static void a_loss_is_a_row(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });
	struct record_target target = target_of(store);
	struct record_loss loss = { "made", "up", "ring full", 7, 3, 4 };
	struct store_reader *reader = NULL;
	uint64_t lost = 0;

	(void)state;
	assert_int_equal(store_sink.loss(&target, &loss), 0);
	assert_int_equal(store_sink.loss(&target, &loss), 0);
	store_close(store);
	assert_int_equal(number("SELECT count FROM loss WHERE collector = 'made' AND "
				"event = 'up' AND why = 'ring full'"),
			 14);
	assert_int_equal(store_reader_open(path, views, 1, &reader), 0);
	assert_int_equal(store_read_losses(reader, 0, 0, NULL, &lost), 0);
	assert_int_equal(lost, 14);
	assert_int_equal(store_read_losses(reader, 0, 0, "other", &lost), 0);
	assert_int_equal(lost, 0);
	store_reader_close(reader);
}

static void seq_goes_on_after_all_rows_are_gone(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });

	(void)state;
	write_some(store, 0, 10);
	store_close(store);
	store = open_with((struct store_options){ .max_age_ns = NS_PER_S }); /* they are of 2001 */
	store_tick(store, true);
	write_some(store, 0, 1);
	store_close(store);
	store = open_with((struct store_options){ 0 });
	write_some(store, 1, 1);
	store_close(store);
	assert_int_equal(number("SELECT max(seq) FROM made_up"), 12);
}

static void retention_keeps_the_file_small(void **state)
{
	struct store *store = open_with((struct store_options){ .max_bytes = 2u << 20 });
	struct store_state now;

	(void)state;
	for (uint64_t i = 0; i < 40; i++) {
		write_some(store, i * 1000, 1000);
		store_tick(store, true);
	}
	store_state(store, &now);
	assert_true(now.deleted > 0);
	assert_true(now.bytes < 3u << 20);
	store_close(store);
	/* The newest are there, and without a hole. */
	assert_int_equal(number("SELECT max(seq) FROM made_up"), 40000);
	assert_int_equal(number("SELECT max(seq) - min(seq) + 1 - count(*) FROM made_up"), 0);
	assert_text("SELECT * FROM pragma_integrity_check", "ok");
}

static void refuse(const char *word, int wanted)
{
	struct store_options options = { .path = path };
	struct store *store = NULL;

	assert_int_equal(store_open(&options, views, 1, &store), wanted);
	assert_non_null(strstr(error_text(), word));
	assert_true(*error_hint());
	assert_null(store);
}

static void a_newer_file_is_refused(void **state)
{
	sqlite3 *database = NULL;

	(void)state;
	store_close(open_with((struct store_options){ 0 }));
	assert_int_equal(database_open(path, true, &database), 0);
	assert_int_equal(database_run(database, "PRAGMA user_version=1000"), 0);
	database_close(database);
	refuse("newer", -EPROTO);
}

static void a_second_writer_is_refused(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });

	(void)state;
	refuse("another kymo", -EBUSY);
	store_close(store);
}

static void what_is_no_store_is_refused(void **state)
{
	int fd;

	(void)state;
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(fd, "this is no database\n", 20), 20);
	close(fd);
	refuse("not a database", -EUCLEAN);
}

static void a_broken_file_is_refused(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });
	char junk[4096];
	int fd;

	(void)state;
	write_some(store, 0, 5000);
	store_close(store);
	memset(junk, 0x5a, sizeof(junk));
	fd = open(path, O_WRONLY);
	for (off_t page = 3; page < 60; page++)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), 4096);
	close(fd);
	refuse("", -EUCLEAN);
}

static void a_column_that_is_new_is_added(void **state)
{
	struct field fields[array_len(made_fields) - 2];
	struct schema older = made_schema;
	const struct schema *const older_schemas[] = { &older, NULL };
	const struct record_view older_views[] = { { .collector = "made",
						     .schemas = older_schemas } };
	struct store_options options = { .path = path };
	struct store *store = NULL;

	(void)state;
	memcpy(fields, made_fields, sizeof(fields)); /* without words and path */
	older.fields = fields;
	older.field_count = array_len(fields);
	assert_int_equal(store_open(&options, older_views, 1, &store), 0);
	store_close(store);
	store = open_with((struct store_options){ 0 });
	write_some(store, 0, 1);
	store_close(store);
	assert_text("SELECT path FROM made_up", "/x/yz");
}

static void a_full_file_system_is_counted(void **state)
{
	struct store *store = open_with((struct store_options){ .min_free_bytes = 1ull << 62 });
	struct store_state now;

	(void)state;
	write_some(store, 0, 10);
	store_tick(store, true);
	store_state(store, &now);
	assert_true(now.is_failing);
	assert_int_equal(now.lost, 10);
	assert_int_equal(now.rows, 0);
	store_close(store);
}

/* A child writes until it is killed; what it had committed is there. */
static void killed_at_any_moment(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		int pipes[2];
		uint64_t committed = 0, said;
		pid_t child;

		assert_int_equal(pipe(pipes), 0);
		child = fork();
		if (child == 0) {
			struct store *store = open_with((struct store_options){ 0 });

			for (uint64_t i = 0;; i++) {
				struct store_state now;

				write_some(store, i * 500, 500);
				store_tick(store, true);
				store_state(store, &now);
				if (write(pipes[1], &now.committed_seq, 8) != 8)
					_exit(1);
			}
		}
		close(pipes[1]);
		for (int i = 0; i < 3 + round; i++)
			assert_int_equal(read(pipes[0], &committed, 8), 8);
		usleep((useconds_t)round * 700);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(pipes[0], &said, 8) == 8)
			committed = said;
		close(pipes[0]);
		assert_text("SELECT * FROM pragma_integrity_check", "ok");
		assert_true(number("SELECT max((SELECT ifnull(max(seq), 0) FROM made_up), "
				   "(SELECT ifnull(max(seq), 0) FROM loss))") >=
			    (int64_t)committed);
	}
	store_close(open_with((struct store_options){ 0 }));
	/* Each gap has its row: of the rounds before, and of the last. */
	assert_int_equal(number("SELECT count(*) FROM loss WHERE count IS NULL"), 10);
}

/* Records of 25 seconds, of two steps by turns; some of them are rolled back. */
static void events_are_counted_by_steps(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });
	struct record_target target = target_of(store);

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		struct made_record one = made_one();
		struct record record = made_record(&one);

		one.event.at = (i * 7919 % 25000) * 1000000;
		assert_int_equal(store_sink.record(&target, &record), 0);
		if (i % 300 == 0)
			store_tick(store, true);
	}
	assert_int_equal(
		store_cover(store, "made", 999999995ull * NS_PER_S, 1000000012ull * NS_PER_S), 0);
	store_close(store);
	assert_int_equal(number("SELECT count(*) FROM rollup WHERE metric = 'kymo_events_total' "
				"AND labels = 'collector=\"made\",event=\"up\"' AND "
				"step_s = 10"),
			 3);
	assert_int_equal(
		number("SELECT count(*) FROM rollup r WHERE metric = 'kymo_events_total' AND "
		       "sum <> (SELECT count(*) FROM made_up WHERE at_unix_ns / 1000000000 / "
		       "r.step_s * r.step_s = r.at_unix_s)"),
		0);
	assert_int_equal(number("SELECT sum(sum) FROM rollup WHERE step_s = 3600 AND metric = "
				"'kymo_events_total'"),
			 1000);
	assert_int_equal(number("SELECT sum FROM rollup WHERE step_s = 10 AND metric = "
				"'kymo_recorded_seconds_total' AND at_unix_s = 1000000000"),
			 10000000000);
	assert_int_equal(number("SELECT sum(sum) FROM rollup WHERE step_s = 60 AND metric = "
				"'kymo_recorded_seconds_total'"),
			 17000000000);
	/* It is of 2001, and so too old for this one. */
	store = open_with((struct store_options){ .max_age_ns = NS_PER_S });
	for (int i = 0; i < 3; i++) {
		write_some(store, 0, 1);
		store_tick(store, true);
	}
	store_close(store);
	assert_int_equal(number("SELECT count(*) FROM rollup WHERE sum > 3"), 0);
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, each_test, file_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(a_view_shows_texts_and_time),
		with_file(what_was_not_measured_is_null),
		with_file(a_reader_pages_and_filters),
		with_file(a_loss_is_a_row),
		with_file(seq_goes_on_after_all_rows_are_gone),
		with_file(retention_keeps_the_file_small),
		with_file(events_are_counted_by_steps),
		with_file(a_newer_file_is_refused),
		with_file(a_second_writer_is_refused),
		with_file(what_is_no_store_is_refused),
		with_file(a_broken_file_is_refused),
		with_file(a_column_that_is_new_is_added),
		with_file(a_full_file_system_is_counted),
		with_file(killed_at_any_moment),
	};

	return test_run(tests);
}
