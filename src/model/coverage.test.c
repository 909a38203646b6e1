/* SPDX-License-Identifier: MIT */
#include "model/coverage.h"
#include "base/test.h"

static void adds_losses_by_kind(void **state)
{
	struct coverage coverage = { 0 };

	(void)state;
	assert_int_equal(coverage_lose(&coverage, "ring full", 3, 100), 0);
	assert_int_equal(coverage_lose(&coverage, "no memory", 1, 150), 0);
	assert_int_equal(coverage_lose(&coverage, "ring full", 4, 200), 0);
	assert_int_equal(coverage.lost.len, 2);
	assert_string_equal(coverage.lost.data[0].kind, "ring full");
	assert_int_equal(coverage.lost.data[0].count, 7);
	assert_int_equal(coverage.lost.data[0].first_mono_ns, 100);
	assert_int_equal(coverage.lost.data[0].last_mono_ns, 200);
	assert_int_equal(coverage_lost(&coverage), 8);
	coverage_done(&coverage);
}

static void nothing_lost_is_no_loss(void **state)
{
	struct coverage coverage = { 0 };

	(void)state;
	assert_int_equal(coverage_lose(&coverage, "ring full", 0, 100), 0);
	assert_int_equal(coverage.lost.len, 0);
	assert_int_equal(coverage_lost(&coverage), 0);
	coverage_done(&coverage);
}

static void lacks_each_thing_once(void **state)
{
	struct coverage coverage = { 0 };
	char what[] = "kernel stacks";

	(void)state;
	assert_int_equal(coverage_lack(&coverage, what), 0);
	what[0] = 'K'; /* it keeps a text of its own */
	assert_int_equal(coverage_lack(&coverage, "kernel stacks"), 0);
	assert_int_equal(coverage_lack(&coverage, "names"), 0);
	assert_int_equal(coverage.not_measured.len, 2);
	assert_string_equal(coverage.not_measured.data[0], "kernel stacks");
	coverage_done(&coverage);
}

static void the_last_mode_stands(void **state)
{
	struct coverage coverage = { 0 };

	(void)state;
	assert_null(coverage.mode);
	assert_int_equal(coverage_set_mode(&coverage, "bpf"), 0);
	assert_int_equal(coverage_set_mode(&coverage, "perf"), 0);
	assert_string_equal(coverage.mode, "perf");
	coverage_done(&coverage);
	assert_null(coverage.mode);
	coverage_done(&coverage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_losses_by_kind),
		cmocka_unit_test(nothing_lost_is_no_loss),
		cmocka_unit_test(lacks_each_thing_once),
		cmocka_unit_test(the_last_mode_stands),
	};

	return test_run(tests);
}
