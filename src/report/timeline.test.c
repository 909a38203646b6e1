/* SPDX-License-Identifier: MIT */
#include "report/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/formats/make-profile.h"

static void orders_threads_and_samples(void **state)
{
	struct timeline timeline;
	struct make make;
	uint32_t second, first, worker, renamed;

	(void)state;
	make_init(&make);
	second = make_task(&make, 20, 20, "b");
	worker = make_task(&make, 10, 5, "w");
	first = make_task(&make, 10, 10, "a");
	renamed = make_task(&make, 10, 10, "new-name");
	make_task(&make, 30, 30, "never ran");
	make_sample_at(&make, second, 0, 0, 1, 1);
	make_sample_at(&make, first, 0, 0, 40, 1);
	make_sample_at(&make, first, 0, 1, 20, 1);
	make_sample_at(&make, renamed, 0, 1, 50, 1);
	make_sample_at(&make, worker, 0, 1, 30, 1);
	make_sample_at(&make, first, 0, 1, 30, 1);
	assert_int_equal(timeline_build(&timeline, make.profile), 0);
	assert_int_equal(timeline.threads.len, 3);
	assert_int_equal(timeline.threads.data[0].tid, 10);
	assert_int_equal(timeline.threads.data[0].count, 4);
	assert_string_equal(profile_text(make.profile, timeline.threads.data[0].name), "new-name");
	assert_int_equal(timeline.threads.data[1].tid, 5);
	assert_int_equal(timeline.threads.data[2].tid, 20);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(make.profile->moments.data[timeline.moments[i]].at_mono_ns,
				 MAKE_STARTED_MONO_NS + (20 + 10 * i) * 1000000);
	timeline_done(&timeline);
	profile_free(make.profile);
}

static void bears_nothing(void **state)
{
	struct timeline timeline;
	struct make make;

	(void)state;
	make_init(&make);
	assert_int_equal(timeline_build(&timeline, make.profile), 0);
	assert_int_equal(timeline.threads.len, 0);
	timeline_done(&timeline);
	profile_free(make.profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_threads_and_samples),
		cmocka_unit_test(bears_nothing),
	};

	return cmocka_run_group_tests_name("report/timeline", tests, NULL, NULL);
}
