/* SPDX-License-Identifier: MIT */
#include "report/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/formats/make-profile.h"
#include "report/keys.h"

static void splits_user_from_kernel(void **state)
{
	struct path path = { 0 };
	struct make make;

	(void)state;
	make_init(&make);
	assert_int_equal(path_load(&path, make.profile,
				   make_stack(&make, "main@x ![cut] read@[kernel] vfs@[kernel]")),
			 0);
	assert_int_equal(path.frames.len, 4);
	assert_int_equal(path.kernel, 2);
	assert_int_equal(make.profile->frames.data[path.frames.data[0]].kind, FRAME_USER);
	assert_int_equal(path_load(&path, make.profile, make_stack(&make, "main@x")), 0);
	assert_int_equal(path.frames.len, 1);
	assert_int_equal(path.kernel, 1);
	assert_int_equal(path_load(&path, make.profile, 0), 0);
	assert_int_equal(path.frames.len, 0);
	path_done(&path);
	profile_free(make.profile);
}

static void names_what_has_none(void **state)
{
	const struct name *names;
	struct frame frame = { .kind = FRAME_USER };
	struct name spare;
	struct make make;

	(void)state;
	make_init(&make);
	assert_int_equal(names_of(make.profile, &frame, &spare, &names), 1);
	assert_string_equal(names_text(make.profile, names->function), UNKNOWN_NAME);
	frame = (struct frame){ .kind = FRAME_MARK, .origin = make_text(&make, "[truncated]") };
	assert_int_equal(names_of(make.profile, &frame, &spare, &names), 1);
	assert_string_equal(names_text(make.profile, names->function), "[truncated]");
	profile_free(make.profile);
}

static void numbers_keys(void **state)
{
	struct keys keys = { 0 };
	uint32_t id;

	(void)state;
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 1000; i++) {
			assert_int_equal(
				keys_add(&keys, &(struct key){ { i % 10, i / 10, 0, i } }, &id), 0);
			assert_int_equal(id, i);
		}
	}
	assert_int_equal(keys.list.len, 1000);
	keys_done(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_user_from_kernel),
		cmocka_unit_test(names_what_has_none),
		cmocka_unit_test(numbers_keys),
	};

	return cmocka_run_group_tests_name("report/names", tests, NULL, NULL);
}
