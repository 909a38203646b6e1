/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "model/histogram.h"

/* Each value lies in its bucket; buckets join without a gap, and none is wider than a quarter. */
static void buckets_hold_every_value(void **state)
{
	(void)state;
	for (uint32_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_low(i), high = histogram_high(i);

		assert_int_equal(histogram_bucket(low), i);
		assert_int_equal(histogram_bucket(high), i);
		assert_int_equal(histogram_low(i + 1), high + 1);
		assert_true(high - low <= low / 4);
	}
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_high(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

static void quantiles_are_bounds(void **state)
{
	struct histogram histogram = { .max = 1000 }, more = { .sum = 7, .max = 2000 };

	(void)state;
	assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
	for (uint64_t value = 1; value <= 1000; value++) {
		histogram.buckets[histogram_bucket(value)]++;
		histogram.sum += value;
	}
	assert_int_equal(histogram_count(&histogram), 1000);
	assert_in_range(histogram_quantile(&histogram, 0.5), 500, 625);
	assert_in_range(histogram_quantile(&histogram, 0.99), 990,
			1000); /* never above the greatest */
	assert_int_equal(histogram_quantile(&histogram, 1), 1000);
	more.buckets[histogram_bucket(2000)] = 2;
	histogram_add(&histogram, &more);
	assert_int_equal(histogram_count(&histogram), 1002);
	assert_int_equal(histogram.sum, 500507);
	assert_int_equal(histogram.max, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_hold_every_value),
		cmocka_unit_test(quantiles_are_bounds),
	};

	return test_run(tests);
}
