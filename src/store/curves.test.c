/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "base/clock.h"
#include "model/records.test.h"
#include "store/curves.h"
#include "store/file.test.h"
#include "store/reader.h"
#include "store/store.h"

#define DAY_S  86400ull
#define OFFSET 1800000000000000000ull /* an hour begins */

static const struct schema *const schemas[] = { &made_schema, NULL };
static const struct record_view views[] = { { .collector = "made", .schemas = schemas } };
static void run(const char *sql)
{
	sqlite3 *database = NULL;

	assert_int_equal(database_open(path, true, &database), 0);
	assert_int_equal(database_run(database, sql), 0);
	database_close(database);
}

/* A day with a record each 10 s. */
static int make_file(void **state)
{
	const struct store_options options = { .path = path };
	struct store *store = NULL;
	struct record_target target = { .unix_offset_ns = OFFSET, .cgroup_path = no_path };

	(void)state;
	file_begin("curves");
	assert_int_equal(store_open(&options, views, 1, &store), 0);
	target.state = store;
	for (uint64_t s = 0; s < DAY_S; s += 10) {
		struct made_record one = made_one();
		struct record record = made_record(&one);

		one.event.at = s * NS_PER_S;
		assert_int_equal(store_sink.record(&target, &record), 0);
	}
	store_close(store);
	run("UPDATE meta SET value = 1800000000 WHERE key = 'rolled_up_from_s'");
	return 0;
}

static struct curves read_counts(uint64_t from_s, uint64_t to_s, uint64_t step_s)
{
	struct store_reader *reader = NULL;
	struct curves curves;

	assert_int_equal(store_reader_open(path, views, 1, &reader), 0);
	assert_int_equal(curves_init(&curves, OFFSET + from_s * NS_PER_S, OFFSET + to_s * NS_PER_S,
				     step_s * NS_PER_S),
			 0);
	assert_int_equal(curves_read_counts(reader, schemas, &curves), 0);
	assert_int_equal(curves.lines.len, 1);
	assert_non_null(curves.covered_ns);
	store_reader_close(reader);
	return curves;
}

/* Until @known nothing is told, and from then on each step has what belongs to it. */
static void assert_known_from(const struct curves *curves, size_t known, uint64_t each)
{
	for (size_t i = 0; i < curves->steps; i++) {
		assert_int_equal(curves->covered_ns[i], i < known ? 0 : curves->step_ns);
		assert_int_equal(curves->lines.data[0].values[i], i < known ? 0 : each);
	}
}

static void all_levels_tell_the_same(void **state)
{
	static const uint64_t steps_s[] = { 60, 600, 3600, 7200 };

	(void)state;
	for (size_t i = 0; i < array_len(steps_s); i++) {
		struct curves curves = read_counts(0, DAY_S, steps_s[i]);

		assert_known_from(&curves, 0, steps_s[i] / 10);
		curves_done(&curves);
	}
}

/* The file was too large: hours are left of the day, minutes of its second half, the rest of its last hour. */
static void forget_short_ones(void)
{
	run("DELETE FROM rollup_row WHERE step_s = 10 AND at_unix_s < 1800000000 + 23 * 3600");
	run("DELETE FROM rollup_row WHERE step_s = 60 AND at_unix_s < 1800000000 + 12 * 3600");
	run("DELETE FROM made_up_row WHERE at_unix_ns < 1800000000000000000 + 23 * 3600000000000");
}

static void what_is_gone_is_not_zero(void **state)
{
	struct curves curves;

	(void)state;
	forget_short_ones();
	curves = read_counts(0, DAY_S, 60);
	assert_known_from(&curves, 12 * 60, 6);
	curves_done(&curves);
	curves = read_counts(0, DAY_S, 3600);
	assert_known_from(&curves, 0, 360);
	curves_done(&curves);
	/* Records alone. */
	curves = read_counts(0, DAY_S, 30);
	assert_int_equal(curves.covered_ns[0], 0);
	assert_int_equal(curves.lines.data[0].values[23 * 120], 3);
	curves_done(&curves);
}

/* Where steps begin otherwise than minutes, those of 10 s are added up; where they are gone, minutes. */
static void longer_ones_stand_for_shorter_ones(void **state)
{
	struct curves curves;

	(void)state;
	forget_short_ones();
	curves = read_counts(20, DAY_S - 40, 60);
	assert_known_from(&curves, 12 * 60, 6);
	assert_int_equal(curves.rolled_up_s, 60);
	curves_done(&curves);
	/* Before there were records. */
	curves = read_counts(0, 2 * 3600, 3600);
	assert_known_from(&curves, 0, 360);
	curves_done(&curves);
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, make_file, file_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(all_levels_tell_the_same),
		with_file(what_is_gone_is_not_zero),
		with_file(longer_ones_stand_for_shorter_ones),
	};

	return test_run(tests);
}
