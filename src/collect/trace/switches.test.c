/* SPDX-License-Identifier: MIT */
#include "collect/trace/switches.h"
#include "base/test.h"

static void happen(struct switched *thread, enum switch_kind kind, uint64_t at)
{
	switched_take(thread, &(struct switch_record){ at, 7, kind });
}

static void a_life_from_its_birth(void **state)
{
	struct switched thread = { .tid = 7 };

	(void)state;
	happen(&thread, SWITCH_BORN, 100);
	happen(&thread, SWITCH_IN, 110);        /* 10 queued */
	happen(&thread, SWITCH_PREEMPTED, 140); /* 30 running */
	happen(&thread, SWITCH_IN, 145);        /* 5 queued */
	happen(&thread, SWITCH_OUT, 146);       /* 1 running */
	happen(&thread, SWITCH_IN, 196);        /* 50 waited */
	happen(&thread, SWITCH_END, 200);       /* 4 running */
	assert_int_equal(thread.born, 100);
	assert_int_equal(thread.running, 35);
	assert_int_equal(thread.queued, 15);
	assert_int_equal(thread.waited, 50);
	assert_int_equal(thread.outs, 2);
	assert_int_equal(thread.preemptions, 1);
	happen(&thread, SWITCH_OUT, 203);
	assert_int_equal(thread.running, 38);
}

static void a_number_that_is_used_again(void **state)
{
	struct switched thread = { .tid = 7 };

	(void)state;
	happen(&thread, SWITCH_BORN, 100);
	happen(&thread, SWITCH_IN, 150);
	happen(&thread, SWITCH_BORN, 300);
	happen(&thread, SWITCH_IN, 320);
	assert_int_equal(thread.born, 300);
	assert_int_equal(thread.queued, 20);
	assert_int_equal(thread.running, 0);
}

static void one_that_was_there_before(void **state)
{
	struct switched thread = { .tid = 7 };

	(void)state;
	happen(&thread, SWITCH_OUT, 100); /* since when it ran is not known */
	assert_int_equal(thread.running + thread.queued + thread.waited, 0);
	happen(&thread, SWITCH_END, 160);
	assert_int_equal(thread.waited, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_from_its_birth),
		cmocka_unit_test(a_number_that_is_used_again),
		cmocka_unit_test(one_that_was_there_before),
	};

	return test_run(tests);
}
