/* SPDX-License-Identifier: MIT */
#include "report/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/formats/make-profile.h"
#include "report/names.h"

struct expected {
	const char *name;
	uint64_t self, total;
};

static void counts_recursion_once(void **state)
{
	static const struct expected expected[] = {
		{ "g", 30, 50 }, { "f", 20, 55 }, { "h", 6, 6 }, { "g", 5, 5 }, { "main", 0, 56 },
	};
	uint64_t self = 0;
	struct flame flame;
	struct make make;
	struct top top;
	uint32_t task;

	(void)state;
	make_init(&make);
	task = make_task(&make, 1, 1, "t");
	make_samples(&make, task, make_stack(&make, "main@x f@x g@x f@x g@x"), 30);
	make_samples(&make, task, make_stack(&make, "main@x f@x g@x f@x"), 20);
	make_samples(&make, task, make_stack(&make, "main@x f@x g@y"), 5);
	make_samples(&make, task, make_stack(&make, "main@x h@x"), 1);
	make_samples(&make, make_task(&make, 2, 2, "u"), make_stack(&make, "h@x"), 5);
	assert_int_equal(flame_build(&flame, make.profile, true, false), 0);
	assert_int_equal(top_build(&top, &flame), 0);
	assert_int_equal(top.rows.len, array_len(expected));
	for (size_t i = 0; i < array_len(expected); i++) {
		const struct top_row *row = &top.rows.data[i];
		const struct flame_function *function = &flame.functions.data[row->function];

		assert_string_equal(names_text(make.profile, function->name), expected[i].name);
		assert_int_equal(row->self_samples, expected[i].self);
		assert_int_equal(row->samples, expected[i].total);
		assert_int_equal(row->ns, expected[i].total * 10000000);
		self += row->self_ns;
	}
	assert_int_equal(self, make.profile->weight_ns);
	top_done(&top);
	flame_done(&flame);
	profile_free(make.profile);
}

static void bears_nothing(void **state)
{
	struct flame flame;
	struct make make;
	struct top top;

	(void)state;
	make_init(&make);
	assert_int_equal(flame_build(&flame, make.profile, true, false), 0);
	assert_int_equal(top_build(&top, &flame), 0);
	assert_int_equal(top.rows.len, 0);
	top_done(&top);
	flame_done(&flame);
	profile_free(make.profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_recursion_once),
		cmocka_unit_test(bears_nothing),
	};

	return cmocka_run_group_tests_name("report/top", tests, NULL, NULL);
}
