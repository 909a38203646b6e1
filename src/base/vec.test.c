/* SPDX-License-Identifier: MIT */
#include "base/vec.h"
#include "base/test.h"

struct pair {
	int a, b;
};

static void grows_and_keeps_order(void **state)
{
	vec(struct pair) pairs = { 0 };
	int sum = 0;

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(vec_push(&pairs, { i, 2 * i }), 0);
	assert_int_equal(pairs.len, 10000);
	assert_true(pairs.cap >= pairs.len);
	for (int i = 0; i < 10000; i++)
		assert_true(pairs.data[i].a == i && pairs.data[i].b == 2 * i);
	vec_each(pair, &pairs)
		sum += pair->b - 2 * pair->a;
	assert_int_equal(sum, 0);
	vec_done(&pairs);
	assert_null(pairs.data);
	assert_int_equal(pairs.len + pairs.cap, 0);
}

static void empty_is_valid(void **state)
{
	vec(int) numbers = { 0 };

	(void)state;
	vec_each(number, &numbers)
		test_fail();
	vec_done(&numbers);
	vec_done(&numbers);
}

static void reserve_does_not_lengthen(void **state)
{
	vec(int) numbers = { 0 };
	int *where;

	(void)state;
	assert_int_equal(vec_reserve(&numbers, 1000), 0);
	assert_int_equal(numbers.len, 0);
	assert_true(numbers.cap >= 1000);
	where = numbers.data;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(vec_push(&numbers, i), 0);
	assert_ptr_equal(numbers.data, where);
	vec_done(&numbers);
}

static void refuses_what_cannot_be(void **state)
{
	vec(uint64_t) numbers = { 0 };

	(void)state;
	assert_int_equal(vec_push(&numbers, 7), 0);
	assert_int_equal(vec_reserve(&numbers, SIZE_MAX), -ENOMEM);
	assert_int_equal(vec_reserve(&numbers, SIZE_MAX / 2), -ENOMEM);
	assert_int_equal(numbers.len, 1);
	assert_int_equal(numbers.data[0], 7);
	vec_done(&numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_keeps_order),
		cmocka_unit_test(empty_is_valid),
		cmocka_unit_test(reserve_does_not_lengthen),
		cmocka_unit_test(refuses_what_cannot_be),
	};

	return test_run(tests);
}
