/* SPDX-License-Identifier: MIT */
#include "resolve/unnamed.h"

#include <string.h>

#include "base/test.h"

static int compare(const void *a, const void *b)
{
	const struct unnamed *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static void agrees_with_qsort(void **state)
{
	unsigned random = 5;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		struct unnamed_list list = { 0 };
		size_t len = rand_r(&random) % 300;
		struct unnamed *copy = malloc((len + 1) * sizeof(*copy));

		assert_non_null(copy);
		for (uint32_t i = 0; i < len; i++) {
			uint64_t high = (uint64_t)rand_r(&random) << 33;
			struct unnamed at = { rand_r(&random) % 3ull << 32 | rand_r(&random) % 5u,
					      rand_r(&random) % 1000u | (round % 2 ? high : 0), i };

			copy[i] = at;
			assert_int_equal(vec_push(&list.frames, at), 0);
		}
		assert_int_equal(unnamed_sort(&list), 0);
		assert_int_equal(list.frames.len, len);
		qsort(copy, len, sizeof(*copy), compare);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(compare(&copy[i], &list.frames.data[i]), 0);
		assert_int_equal(vec_push(&list.frames, { 0 }), 0); /* it can still grow */
		free(copy);
		vec_done(&list.frames);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_qsort),
	};

	return test_run(tests);
}
