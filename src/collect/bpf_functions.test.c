/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "collect/bpf_functions.h"

static void holds_from_the_first_byte_to_the_last(void **state)
{
	struct bpf_functions functions = { 0 };

	(void)state;
	assert_int_equal(vec_push(&functions.functions, { 100, 200 }), 0);
	assert_int_equal(vec_push(&functions.functions, { 300, 400 }), 0);
	assert_false(bpf_functions_hold(&functions, 99));
	assert_true(bpf_functions_hold(&functions, 100));
	assert_true(bpf_functions_hold(&functions, 199));
	assert_false(bpf_functions_hold(&functions, 200));
	assert_true(bpf_functions_hold(&functions, 399));
	assert_false(bpf_functions_hold(&functions, 400));
	bpf_functions_done(&functions);
}

static void none_hold_nothing(void **state)
{
	struct bpf_functions functions = { 0 };

	(void)state;
	assert_false(bpf_functions_hold(&functions, 0));
	assert_false(bpf_functions_hold(&functions, UINT64_MAX));
}

/* Whoever may see programs sees them in order and not empty. */
static void reads_what_is_loaded(void **state)
{
	struct bpf_functions functions = { 0 };
	uint64_t last = 0;

	(void)state;
	assert_int_equal(bpf_functions_read(&functions), 0);
	vec_each(function, &functions.functions) {
		assert_true(function->start >= last && function->end > function->start);
		last = function->end;
	}
	bpf_functions_done(&functions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_from_the_first_byte_to_the_last),
		cmocka_unit_test(none_hold_nothing),
		cmocka_unit_test(reads_what_is_loaded),
	};

	return test_run(tests);
}
