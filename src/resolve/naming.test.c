/* SPDX-License-Identifier: MIT */
#include "resolve/naming.h"

#include <string.h>

#include "base/test.h"

static int set_up(void **state)
{
	struct naming *naming = calloc(1, sizeof(*naming));

	if (!naming || profile_new(&naming->profile) != 0)
		return -1;
	*state = naming;
	return 0;
}

static int tear_down(void **state)
{
	struct naming *naming = *state;

	profile_free(naming->profile);
	free(naming);
	return 0;
}

static const char *symbol(struct naming *naming, const char *name, const char *suffix)
{
	uint32_t text;

	assert_int_equal(naming_symbol(naming, name, suffix, &text), 0);
	return profile_text(naming->profile, text);
}

static void demangles_unless_told_not_to(void **state)
{
	struct naming *naming = *state;

	assert_string_equal(symbol(naming, "_ZN3foo3barEi", ""), "foo::bar");
	assert_string_equal(symbol(naming, "_ZN3foo3barEi", "@plt"), "foo::bar@plt");
	assert_string_equal(symbol(naming, "write", "@plt"), "write@plt");
	naming->mangled = true;
	assert_string_equal(symbol(naming, "_ZN3foo3barEi", ""), "_ZN3foo3barEi");
	assert_string_equal(symbol(naming, "_ZN3foo3barEi", "@plt"), "_ZN3foo3barEi@plt");
}

static void writes_addresses_in_one_pair_of_brackets(void **state)
{
	struct naming *naming = *state;
	uint32_t text;

	assert_int_equal(naming_address(naming, "libc.so.6", 0x1234, &text), 0);
	assert_string_equal(profile_text(naming->profile, text), "[libc.so.6+0x1234]");
	assert_int_equal(naming_address(naming, "[vdso]", 0xabc, &text), 0);
	assert_string_equal(profile_text(naming->profile, text), "[vdso+0xabc]");
	assert_int_equal(naming_address(naming, "[", UINT64_MAX, &text), 0);
	assert_string_equal(profile_text(naming->profile, text), "[[+0xffffffffffffffff]");
	assert_int_equal(naming_address(naming, "", 0, &text), 0);
	assert_string_equal(profile_text(naming->profile, text), "[+0x0]");
}

/* Whatever the cache forgot, it never answers for another owner or key. */
static void the_cache_never_answers_for_another(void **state)
{
	struct naming *naming = *state;
	uint32_t first = naming_owner(naming), second = naming_owner(naming), text;
	unsigned kept = 0;

	assert_true(first && second && first != second);
	assert_false(naming_find(naming, first, 0, &text));
	for (uint32_t i = 0; i < 3 * NAMING_CACHE; i++) {
		naming_keep(naming, first, (uint64_t)i << 40, i);
		naming_keep(naming, second, (uint64_t)i << 40, i + 1000000);
	}
	for (uint32_t i = 0; i < 3 * NAMING_CACHE; i++) {
		if (naming_find(naming, first, (uint64_t)i << 40, &text)) {
			assert_int_equal(text, i);
			kept++;
		}
		if (naming_find(naming, second, (uint64_t)i << 40, &text)) {
			assert_int_equal(text, i + 1000000);
			kept++;
		}
	}
	assert_true(kept > NAMING_CACHE / 2 && kept <= NAMING_CACHE);
	assert_false(naming_find(naming, naming_owner(naming), 0, &text));
}

static void a_frame_has_its_names_in_order(void **state)
{
	struct naming *naming = *state;
	struct profile *profile = naming->profile;
	struct frame frame = { .address = 1 };
	struct name name = { 0 };
	uint32_t number;

	assert_int_equal(profile_add_frame(profile, &frame, &number), 0);
	naming_begin(naming, number);
	for (uint32_t i = 1; i <= 3; i++) {
		name.line = i;
		assert_int_equal(naming_add(naming, number, &name), 0);
	}
	assert_int_equal(profile->frames.data[number].name_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(
			profile->names.data[profile->frames.data[number].first_name + i].line,
			i + 1);
	name.line = 9;
	assert_int_equal(naming_set(naming, number, &name), 0);
	assert_int_equal(profile->frames.data[number].name_count, 1);
	assert_int_equal(profile->names.data[profile->frames.data[number].first_name].line, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(demangles_unless_told_not_to, set_up, tear_down),
		cmocka_unit_test_setup_teardown(writes_addresses_in_one_pair_of_brackets, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_cache_never_answers_for_another, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_frame_has_its_names_in_order, set_up, tear_down),
	};

	return test_run(tests);
}
