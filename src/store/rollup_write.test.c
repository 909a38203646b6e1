/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "base/clock.h"
#include "model/profile.h"
#include "store/curves.h"
#include "store/file.test.h"
#include "store/reader.h"
#include "store/store.h"

#define BEGIN_S 1800000000ull /* an hour begins */

static int each_test(void **state)
{
	(void)state;
	file_begin("rollup");
	return 0;
}

static struct store *open_store(void)
{
	const struct store_options options = { .path = path };
	struct store *store = NULL;

	assert_int_equal(store_open(&options, NULL, 0, &store), 0);
	return store;
}

/* One sample of each of so many processes, some seconds after the beginning. */
static void sample(struct store *store, const char *name, uint32_t count, uint64_t after_s)
{
	struct profile *profile = NULL;
	struct store_slice slice = {
		.from_unix_ns = (BEGIN_S + after_s) * NS_PER_S,
		.to_unix_ns = (BEGIN_S + after_s + 10) * NS_PER_S,
		.is_new = true,
	};

	assert_int_equal(profile_new(&profile), 0);
	for (uint32_t i = 0; i < count; i++) {
		struct process process = { .pid = i + 1 };
		struct task task = { .tid = i + 1 };
		char text[64];
		uint32_t number;

		snprintf(text, sizeof(text), "%s-%u", name, i);
		assert_int_equal(profile_add_text(profile, text, &process.name), 0);
		task.name = process.name;
		assert_int_equal(profile_add_process(profile, &process, &task.process), 0);
		assert_int_equal(profile_add_task(profile, &task, &number), 0);
		assert_int_equal(profile_count(profile, number, 0, 1, NS_PER_MS), 0);
	}
	slice.profile = profile;
	assert_int_equal(store_add_slice(store, &slice), 0);
	store_tick(store, true);
	profile_free(profile);
}

static uint64_t folded(const struct store *store)
{
	struct store_state state;

	store_state(store, &state);
	assert_false(state.is_failing);
	return state.folded;
}

#define OF_CPU "metric = 'kymo_cpu_seconds_total' AND step_s = 3600"

static void names_beyond_the_ceiling_are_one_and_said(void **state)
{
	struct store *store = open_store();

	(void)state;
	sample(store, "one", ROLLUP_MAX_SERIES, 0);
	assert_int_equal(folded(store), 0);
	sample(store, "two", 30, 10);
	assert_int_equal(folded(store), 30);
	store_close(store);
	assert_int_equal(
		number("SELECT sum FROM rollup WHERE " OF_CPU " AND labels = 'comm=\"other\"'"),
		30 * NS_PER_MS);
	assert_int_equal(number("SELECT count(*) FROM rollup WHERE " OF_CPU),
			 ROLLUP_MAX_SERIES + 1);
}

static void names_that_vanished_give_their_places(void **state)
{
	struct store *store = open_store();
	struct rollup_totals totals = { 0 };

	(void)state;
	sample(store, "one", ROLLUP_MAX_SERIES, 0);
	sample(store, "one", 150, 3000);
	sample(store, "two", 60, 3610); /* of which 50 find a place that was not used for an hour */
	assert_int_equal(folded(store), 10);
	sample(store, "two", 60, 7200);
	sample(store, "one", 1, 7210); /* it has its place still */
	assert_int_equal(folded(store), 10);
	assert_int_equal(store_copy_totals(store, &totals), 0);
	assert_in_range(totals.list.len, ROLLUP_MAX_SERIES, ROLLUP_MAX_SERIES + 1);
	rollup_totals_done(&totals);
	store_close(store);
	/* What had a place is told of as before, and nothing is counted for somebody else. */
	assert_int_equal(number("SELECT sum(sum) FROM rollup WHERE " OF_CPU),
			 (ROLLUP_MAX_SERIES + 150 + 60 + 60 + 1) * (int64_t)NS_PER_MS);
	assert_int_equal(number("SELECT sum(sum) FROM rollup WHERE " OF_CPU
				" AND labels = 'comm=\"one-0\"'"),
			 3 * NS_PER_MS);
	assert_int_equal(number("SELECT sum(sum) FROM rollup WHERE " OF_CPU
				" AND labels = 'comm=\"one-170\"'"),
			 NS_PER_MS);
	assert_int_equal(number("SELECT sum(sum) FROM rollup WHERE " OF_CPU
				" AND labels = 'comm=\"two-5\"'"),
			 2 * NS_PER_MS);
}

/* The series that a file has are those of names that may be gone. */
static void places_are_free_after_a_start(void **state)
{
	struct store *store = open_store();

	(void)state;
	sample(store, "one", ROLLUP_MAX_SERIES, 0);
	store_close(store);
	store = open_store();
	sample(store, "two", ROLLUP_MAX_SERIES, 10);
	assert_int_equal(folded(store), 0);
	store_close(store);
	assert_int_equal(number("SELECT count(*) FROM rollup WHERE " OF_CPU),
			 2 * ROLLUP_MAX_SERIES);
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, each_test, file_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(names_beyond_the_ceiling_are_one_and_said),
		with_file(names_that_vanished_give_their_places),
		with_file(places_are_free_after_a_start),
	};

	return test_run(tests);
}
