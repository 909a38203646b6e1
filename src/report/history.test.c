/* SPDX-License-Identifier: MIT */
#include "report/history.h"

#include "base/test.h"

#define MS 1000000ull

static void fill(struct account *account)
{
	account->started_mono_ns = 1000 * MS;
	account->wall_ns = 400 * MS;
	for (uint64_t i = 1; i <= 3; i++) {
		struct account_moment moment = {
			.at_mono_ns = (1000 + 100 * i) * MS,
			.running_ns = 50 * i * MS,
			.rss_bytes = i,
		};

		moment.blocked_ns[BLOCK_DISK] = 150 * i * MS;
		assert_int_equal(vec_push(&account->moments, moment), 0);
	}
	account->totals.running = 250 * MS;
	account->totals.blocked[BLOCK_DISK] = 450 * MS;
}

static void spans_have_no_gap_and_add_up(void **state)
{
	struct account *account;
	struct history history;
	double running = 0;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	fill(account);
	assert_int_equal(history_make(account, 100, &history), 0);
	assert_int_equal(history.spans.len, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct history_span *span = &history.spans.data[i];

		assert_int_equal(span->from_ns, 100 * i * MS);
		assert_int_equal(span->to_ns, 100 * (i + 1) * MS);
		running += span->threads[PART_RUNNING] * 100;
	}
	assert_true(running > 249.9 && running < 250.1);
	assert_true(history.spans.data[0].threads[PART_BLOCKED + BLOCK_DISK] > 1.49);
	assert_true(history.threads_max > 1.99 && history.threads_max < 2.01);
	assert_int_equal(history.spans.data[3].rss_bytes, 3);
	history_done(&history);
	account_free(account);
}

static void there_are_no_more_than_wanted(void **state)
{
	struct account *account;
	struct history history;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	fill(account);
	assert_int_equal(history_make(account, 2, &history), 0);
	assert_int_equal(history.spans.len, 2);
	assert_int_equal(history.spans.data[0].to_ns, 200 * MS);
	assert_int_equal(history.spans.data[1].to_ns, 400 * MS);
	history_done(&history);
	account_free(account);
}

/* The threads of a moment are read one after the other. */
static void moments_that_are_too_close_are_passed_over(void **state)
{
	struct account *account;
	struct history history;
	struct account_moment early = { .at_mono_ns = 1000 * MS + 10, .running_ns = 2 * MS };

	(void)state;
	assert_int_equal(account_new(&account), 0);
	assert_int_equal(vec_push(&account->moments, early), 0);
	fill(account);
	assert_int_equal(history_make(account, 100, &history), 0);
	assert_int_equal(history.spans.len, 4);
	assert_true(history.threads_max < 2.01);
	history_done(&history);
	account_free(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_have_no_gap_and_add_up),
		cmocka_unit_test(there_are_no_more_than_wanted),
		cmocka_unit_test(moments_that_are_too_close_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
