/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "elf/spans.h"

static void add(struct spans *spans, uint32_t start, uint32_t end, uint32_t value)
{
	assert_int_equal(vec_push(spans, { start, end, value }), 0);
}

static uint32_t value_at(const struct spans *spans, uint32_t address)
{
	const struct span *span = spans_find(spans, address);

	return span ? span->value : 0;
}

static void finds_nothing_in_nothing(void **state)
{
	struct spans spans = { 0 };

	(void)state;
	assert_int_equal(spans_sort(&spans), 0);
	assert_int_equal(spans_flatten(&spans), 0);
	assert_null(spans_find(&spans, 0));
	spans_done(&spans);
}

static void the_innermost_wins(void **state)
{
	struct spans spans = { 0 };

	(void)state;
	add(&spans, 100, 200, 1);
	add(&spans, 130, 160, 2);
	add(&spans, 150, 160, 3);
	add(&spans, 100, 110, 4);
	add(&spans, 200, 300, 5); /* the same value again behind it: one span */
	add(&spans, 300, 310, 5);
	add(&spans, 400, 400, 6); /* empty */
	assert_int_equal(spans_sort(&spans), 0);
	assert_int_equal(spans_flatten(&spans), 0);
	assert_int_equal(value_at(&spans, 99), 0);
	assert_int_equal(value_at(&spans, 100), 4);
	assert_int_equal(value_at(&spans, 110), 1);
	assert_int_equal(value_at(&spans, 130), 2);
	assert_int_equal(value_at(&spans, 150), 3);
	assert_int_equal(value_at(&spans, 160), 1);
	assert_int_equal(value_at(&spans, 199), 1);
	assert_int_equal(value_at(&spans, 200), 5);
	assert_int_equal(value_at(&spans, 309), 5);
	assert_int_equal(value_at(&spans, 310), 0);
	assert_int_equal(value_at(&spans, 400), 0);
	assert_int_equal(spans.len, 6);
	assert_int_equal(spans.cap, spans.len);
	spans_done(&spans);
}

/* What the header promises, said the slow way: the one that starts last, of those the shortest, of
 * those the last entered.
 */
static uint32_t slow_value(const struct span *spans, size_t len, uint32_t address)
{
	const struct span *best = NULL;

	for (size_t i = 0; i < len; i++) {
		const struct span *at = &spans[i];

		if (address < at->start || address >= at->end)
			continue;
		if (!best || at->start > best->start ||
		    (at->start == best->start && at->end <= best->end))
			best = at;
	}
	return best ? best->value : 0;
}

static void agrees_with_the_slow_way(void **state)
{
	enum {
		ROOM = 400
	};
	unsigned random = 7;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct spans spans = { 0 };
		size_t len = rand_r(&random) % 60;
		struct span *copy;

		for (uint32_t i = 0; i < len; i++) {
			uint32_t start = (uint32_t)rand_r(&random) % ROOM;
			uint32_t bytes = (uint32_t)rand_r(&random) % (round % 2 ? 12 : 200);

			add(&spans, start, start + bytes, 1 + i % (round % 3 ? 100 : 3));
		}
		copy = malloc((len + 1) * sizeof(*copy));
		assert_non_null(copy);
		if (len)
			memcpy(copy, spans.data, len * sizeof(*copy));
		assert_int_equal(spans_sort(&spans), 0);
		assert_int_equal(spans_flatten(&spans), 0);
		for (uint32_t at = 0; at < ROOM + 200; at++)
			assert_int_equal(value_at(&spans, at), slow_value(copy, len, at));
		for (size_t i = 1; i < spans.len; i++)
			assert_true(spans.data[i - 1].end <= spans.data[i].start);
		free(copy);
		spans_done(&spans);
	}
}

static void reaches_the_highest_address(void **state)
{
	struct spans spans = { 0 };

	(void)state;
	add(&spans, UINT32_MAX - 10, UINT32_MAX, 1);
	add(&spans, 0, UINT32_MAX, 2);
	assert_int_equal(spans_sort(&spans), 0);
	assert_int_equal(spans_flatten(&spans), 0);
	assert_int_equal(value_at(&spans, UINT32_MAX - 1), 1);
	assert_int_equal(value_at(&spans, UINT32_MAX), 0);
	assert_int_equal(value_at(&spans, 0), 2);
	spans_done(&spans);
}

/* All of one start, and each inside of the one before: what would make a careless sort or a
 * recursion slow.
 */
static void takes_what_is_made_to_be_slow(void **state)
{
	enum {
		LEN = 1000000
	};
	struct spans same = { 0 }, nested = { 0 };

	(void)state;
	for (uint32_t i = 0; i < LEN; i++) {
		add(&same, 7, 8 + i, i + 1);
		add(&nested, LEN - i, LEN + 1 + i, i + 1);
	}
	assert_int_equal(spans_sort(&same), 0);
	assert_int_equal(spans_flatten(&same), 0);
	assert_int_equal(same.len, LEN);
	assert_int_equal(value_at(&same, 7), 1);
	assert_int_equal(value_at(&same, 7 + LEN - 1), LEN);
	assert_int_equal(spans_sort(&nested), 0);
	assert_int_equal(spans_flatten(&nested), 0);
	assert_int_equal(value_at(&nested, LEN), 1);
	assert_int_equal(value_at(&nested, 1), LEN);
	spans_done(&same);
	spans_done(&nested);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_in_nothing),
		cmocka_unit_test(the_innermost_wins),
		cmocka_unit_test(agrees_with_the_slow_way),
		cmocka_unit_test(reaches_the_highest_address),
		cmocka_unit_test(takes_what_is_made_to_be_slow),
	};

	return test_run(tests);
}
