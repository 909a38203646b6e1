/* SPDX-License-Identifier: MIT */
#include "model/quality.h"

#include <stdbool.h>

#include "base/test.h"

static void counts_by_reason_and_file(void **state)
{
	struct quality quality = { 0 };
	uint32_t one, two, again;

	(void)state;
	assert_false(quality.is_known);
	assert_int_equal(quality_gap(&quality, "too deep", 1, &one), 0);
	assert_int_equal(quality_gap(&quality, "too deep", 2, &two), 0);
	assert_int_equal(quality_gap(&quality, "too deep", 1, &again), 0);
	assert_int_equal(again, one);
	assert_int_not_equal(one, two);
	assert_false(quality.is_known); /* a gap without stacks is none */
	quality_count(&quality, one, 3);
	quality_count(&quality, two, 4);
	quality_count(&quality, QUALITY_WHOLE, 10);
	assert_true(quality.is_known);
	assert_int_equal(quality.user_stacks, 17);
	assert_int_equal(quality.whole, 10);
	assert_int_equal(quality_of(&quality, "too deep"), 7);
	assert_int_equal(quality_of(&quality, "no code"), 0);
	quality_done(&quality);
}

static void has_a_ceiling(void **state)
{
	struct quality quality = { 0 };
	uint64_t sum = 0;
	uint32_t gap;

	(void)state;
	for (uint32_t file = 1; file <= 2 * QUALITY_MAX_GAPS; file++) {
		assert_int_equal(quality_gap(&quality, file & 1 ? "odd" : "even", file, &gap), 0);
		quality_count(&quality, gap, 1);
	}
	assert_in_range(quality.gaps.len, QUALITY_MAX_GAPS, QUALITY_MAX_GAPS + 2);
	assert_int_equal(quality_of(&quality, "odd"), QUALITY_MAX_GAPS);
	assert_int_equal(quality_of(&quality, "even"), QUALITY_MAX_GAPS);
	vec_each(each, &quality.gaps)
		sum += each->stacks;
	assert_int_equal(sum, quality.user_stacks);
	quality_done(&quality);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(counts_by_reason_and_file),
		cmocka_unit_test(has_a_ceiling),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
