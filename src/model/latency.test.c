/* SPDX-License-Identifier: MIT */
#include "model/latency.h"

#include "base/test.h"
#include "model/histogram.h"

static void count(struct latency_figures *figures, uint64_t ns)
{
	figures->buckets[buckets_index(CALL_BITS, ns)]++;
	figures->calls++;
	figures->sum_ns += ns;
	if (ns > figures->max_ns)
		figures->max_ns = ns;
}

/* Each value lies in its bucket, and its middle is no further away than is said. */
static void the_middle_of_a_bucket_is_near(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < 1ull << CALL_OCTAVES; ns += ns / 7 + 1) {
		struct latency_figures figures = { .max_ns = UINT64_MAX };
		uint64_t told;

		for (int i = 0; i < 2 * LATENCY_BEHIND; i++)
			figures.buckets[buckets_index(CALL_BITS, ns)]++;
		told = latency_quantile(&figures, 0.5);
		assert_true(told <= ns + (double)ns * LATENCY_ERROR_PCT / 100);
		assert_true(told >= ns - (double)ns * LATENCY_ERROR_PCT / 100);
	}
}

static void percentiles_of_a_known_series(void **state)
{
	static const struct {
		double share;
		uint64_t is;
	} wanted[] = { { 0.5, 5000 }, { 0.9, 9000 }, { 0.99, 9900 }, { 0.999, 9990 } };
	struct latency_figures figures = { 0 };

	(void)state;
	for (uint64_t ns = 1; ns <= 10000; ns++)
		count(&figures, ns);
	for (size_t i = 0; i < array_len(wanted); i++) {
		uint64_t told = latency_quantile(&figures, wanted[i].share);
		double off = ((double)told - (double)wanted[i].is) / (double)wanted[i].is;

		assert_true(off < LATENCY_ERROR_PCT / 100 && off > -LATENCY_ERROR_PCT / 100);
		assert_true(told <= figures.max_ns);
	}
}

static void too_few_calls_support_nothing(void **state)
{
	struct latency_figures figures = { 0 };

	(void)state;
	assert_int_equal(latency_quantile(&figures, 0.5), LATENCY_NONE);
	for (int i = 0; i < 2 * LATENCY_BEHIND - 1; i++)
		count(&figures, 100);
	assert_int_equal(latency_quantile(&figures, 0.5), LATENCY_NONE);
	count(&figures, 100);
	assert_true(latency_quantile(&figures, 0.5) != LATENCY_NONE);
	assert_int_equal(latency_quantile(&figures, 0.99), LATENCY_NONE);
	for (int i = 0; i < 980; i++)
		count(&figures, 100);
	assert_true(latency_quantile(&figures, 0.99) != LATENCY_NONE);
	assert_int_equal(latency_quantile(&figures, 0.999), LATENCY_NONE);
}

static void intervals_add_up(void **state)
{
	struct call_counts counts = { .calls = 3, .sum_ns = 30, .max_ns = { 7, 20 }, .cut = 1 };
	struct latency_figures before, after;

	(void)state;
	counts.buckets[10] = 3;
	latency_take(&before, &counts, 1);
	assert_int_equal(before.max_ns, 20);
	counts.calls = 5;
	counts.buckets[10] = 4;
	counts.buckets[12] = 1;
	counts.sum_ns = 52;
	latency_take(&after, &counts, 0);
	latency_subtract(&after, &before);
	assert_int_equal(after.calls, 2);
	assert_int_equal(after.sum_ns, 22);
	assert_int_equal(after.max_ns, 7);
	assert_int_equal(after.cut, 0);
	assert_int_equal(after.buckets[10], 1);
	assert_int_equal(after.buckets[12], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_middle_of_a_bucket_is_near),
		cmocka_unit_test(percentiles_of_a_known_series),
		cmocka_unit_test(too_few_calls_support_nothing),
		cmocka_unit_test(intervals_add_up),
	};

	return test_run(tests);
}
