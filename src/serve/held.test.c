/* SPDX-License-Identifier: MIT */
#include "serve/held.h"

#include "base/clock.h"
#include "base/test.h"

struct one {
	struct held held;
	unsigned drops;
};

static void on_drop(struct held *held)
{
	((struct one *)held)->drops++;
}

static void hold(struct helds *all, struct one *one, size_t bytes)
{
	one->held.bytes = bytes;
	one->held.drop = on_drop;
	assert_int_equal(held_add(all, &one->held), 0);
}

/* Until the clock has gone on, so that the order is one. */
static void let_time_pass(void)
{
	uint64_t now = clock_mono_ns();

	while (clock_mono_ns() <= now)
		;
}

static void test_the_one_that_was_read_the_longest_ago_goes(void **state)
{
	struct one ones[4] = { 0 };
	struct helds all;

	(void)state;
	helds_init(&all, 100);
	for (int i = 0; i < 3; i++) {
		hold(&all, &ones[i], 30);
		let_time_pass();
	}
	held_moved(&ones[0].held);
	let_time_pass();
	hold(&all, &ones[3], 30);
	assert_int_equal(ones[1].drops, 1);
	assert_int_equal(ones[0].drops + ones[2].drops + ones[3].drops, 0);
	assert_int_equal(all.totals.bytes, 90);
	assert_int_equal(all.totals.dropped, 1);
	held_remove(&ones[1].held); /* it is held no more */
	assert_int_equal(all.totals.count, 3);
	held_remove(&ones[0].held);
	held_remove(&ones[2].held);
	held_remove(&ones[3].held);
	assert_int_equal(all.totals.count + all.totals.bytes, 0);
	helds_done(&all);
}

/* Whatever is larger than all that may wait is answered all the same, alone. */
static void test_the_newest_is_never_dropped(void **state)
{
	struct one ones[3] = { 0 };
	struct helds all;

	(void)state;
	helds_init(&all, 100);
	hold(&all, &ones[0], 40);
	hold(&all, &ones[1], 40);
	hold(&all, &ones[2], 500);
	assert_int_equal(ones[0].drops + ones[1].drops, 2);
	assert_int_equal(ones[2].drops, 0);
	assert_int_equal(all.totals.bytes, 500);
	held_remove(&ones[2].held);
	helds_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_one_that_was_read_the_longest_ago_goes),
		cmocka_unit_test(test_the_newest_is_never_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
