/* SPDX-License-Identifier: MIT */
#include "store/incidents.h"

#include "base/clock.h"
#include "base/test.h"
#include "model/incident.h"
#include "model/records.test.h"
#include "store/file.test.h"
#include "store/store.h"

#define OFFSET 1700000000000000000ull
#define MANY   20000

static const struct schema *const schemas[] = { &made_schema, NULL };
static struct record_view views[3];
static int each_test(void **state)
{
	(void)state;
	file_begin("incidents");
	views[0] = (struct record_view){ .collector = "made", .schemas = schemas };
	views[1] = incident_view;
	views[2] = incident_whole_view;
	return 0;
}

static struct store *open_with(struct store_options options)
{
	struct store *store = NULL;

	options.path = path;
	assert_int_equal(store_open(&options, views, 3, &store), 0);
	return store;
}

static void put(struct store *store, const struct record *record)
{
	struct record_target target = {
		.state = store,
		.unix_offset_ns = OFFSET,
		.cgroup_path = no_path,
	};

	assert_int_equal(store_sink.record(&target, record), 0);
}

static void put_made(struct store *store, uint64_t at)
{
	struct made_record one = made_one();
	struct record record = made_record(&one);

	one.event.at = at;
	put(store, &record);
}

/* Its number. */
static uint64_t begin(struct store *store, uint64_t at)
{
	struct incident_begin begin = { .at_mono_ns = at, .pid = 7, .what = "something" };
	struct record record = incident_record_begin(&begin);
	uint64_t seq = store_next_seq(store);

	put(store, &record);
	return seq;
}

static void end(struct store *store, uint64_t incident, uint64_t at)
{
	struct incident_end end = { .at_mono_ns = at, .incident = incident };
	struct record record = incident_record_end(&end);

	put(store, &record);
}

/* One sample of each of so many processes. */
static struct profile *sampled(uint32_t count)
{
	struct profile *profile = NULL;

	assert_int_equal(profile_new(&profile), 0);
	for (uint32_t i = 0; i < count; i++) {
		struct process process = { .pid = i + 1 };
		struct task task = { .tid = i + 1 };
		char text[32];
		uint32_t number;

		snprintf(text, sizeof(text), "process-%u", i);
		assert_int_equal(profile_add_text(profile, text, &process.name), 0);
		task.name = process.name;
		assert_int_equal(profile_add_process(profile, &process, &task.process), 0);
		assert_int_equal(profile_add_task(profile, &task, &number), 0);
		assert_int_equal(profile_count(profile, number, 0, 1, NS_PER_MS), 0);
	}
	return profile;
}

static void test_a_large_profile_goes_in_bit_by_bit(void **state)
{
	struct store *store = open_with((struct store_options){ 0 });
	struct profile *profile = sampled(MANY), *small = sampled(3);
	uint64_t first = begin(store, 1), second = begin(store, 2), steps = 0;
	int more;

	(void)state;
	/* Another in between begins it again. */
	assert_int_equal(store_add_incident(store, first, profile), STORE_MORE);
	assert_int_equal(store_add_incident(store, second, small), 0);
	do {
		more = store_add_incident(store, first, profile);
		put_made(store, ++steps); /* records are taken meanwhile, and committed */
		if (steps == 2)
			store_tick(store, true);
	} while (more == STORE_MORE);
	assert_int_equal(more, 0);
	assert_true(steps > 2);
	store_close(store);
	assert_int_equal(number("SELECT count(*) FROM incident_profile"), 2);
	assert_int_equal(number("SELECT max(samples) FROM incident_profile"), MANY);
	assert_int_equal(number("SELECT count(*) FROM task"), MANY);
	assert_int_equal(number("SELECT count(*) FROM made_up_row"), steps);
	profile_free(profile);
	profile_free(small);
}

static void test_the_oldest_make_room(void **state)
{
	struct store *store = open_with((struct store_options){ .max_incidents = 2 });
	struct profile *profile = sampled(3);

	(void)state;
	for (uint64_t at = 1; at <= 3; at++) {
		uint64_t seq = begin(store, at);

		assert_int_equal(store_add_incident(store, seq, profile), 0);
		end(store, seq, at);
	}
	store_close(store);
	assert_int_equal(number("SELECT count(*) FROM incident_whole_row"), 2);
	assert_int_equal(number("SELECT count(*) FROM incident_profile"), 2);
	assert_int_equal(number("SELECT min(at_unix_ns) FROM incident_whole_row"), OFFSET + 2);
	profile_free(profile);
}

static void test_those_that_were_over_too_long_ago_go(void **state)
{
	struct store *store = open_with((struct store_options){ .max_age_ns = 3600 * NS_PER_S });
	struct profile *profile = sampled(3);
	uint64_t now = clock_unix_ns() - OFFSET, old = begin(store, 1), goes_on, recent;

	(void)state;
	assert_int_equal(store_add_incident(store, old, profile), 0);
	end(store, old, 2);
	goes_on = begin(store, 3);
	assert_int_equal(store_add_incident(store, goes_on, profile), 0);
	/* More than goes at once, so that there is an oldest row behind the first slice. */
	for (uint64_t i = 0; i < 2 * STORE_SLICE_ROWS; i++)
		put_made(store, 10 + i);
	recent = begin(store, now);
	assert_int_equal(store_add_incident(store, recent, profile), 0);
	end(store, recent, now);
	for (int i = 0; i < 8; i++) {
		put_made(store, now);
		store_tick(store, true);
	}
	store_close(store);
	assert_int_equal(
		number("SELECT count(*) FROM made_up_row WHERE at_unix_ns < 1700000001000000000"),
		0);
	assert_int_equal(number("SELECT count(*) FROM incident_whole_row"), 2);
	assert_int_equal(number("SELECT count(*) FROM incident_profile"), 2);
	assert_int_equal(number("SELECT max(seq) FROM incident_whole_row"), recent);
	assert_int_equal(number("SELECT min(seq) FROM incident_whole_row"), goes_on);
	profile_free(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_large_profile_goes_in_bit_by_bit, each_test,
						file_remove),
		cmocka_unit_test_setup_teardown(test_the_oldest_make_room, each_test, file_remove),
		cmocka_unit_test_setup_teardown(test_those_that_were_over_too_long_ago_go,
						each_test, file_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
