/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/test.h"

static uint32_t add(struct strings *strings, const char *text)
{
	uint32_t id = UINT32_MAX;

	assert_int_equal(strings_add(strings, text, SIZE_MAX, &id), 0);
	return id;
}

static void each_text_once(void **state)
{
	struct strings strings = { 0 };
	uint32_t main_id = add(&strings, "main"), other = add(&strings, "mai");

	(void)state;
	assert_int_not_equal(main_id, other);
	assert_int_equal(add(&strings, "main"), main_id);
	assert_int_equal(add(&strings, "mai"), other);
	assert_string_equal(strings_get(&strings, main_id), "main");
	assert_string_equal(strings_get(&strings, other), "mai");
	strings_done(&strings);
}

static void nothing_is_number_zero(void **state)
{
	struct strings strings = { 0 };

	(void)state;
	assert_string_equal(strings_get(&strings, 0), "");
	assert_string_equal(strings_get(&strings, 99), "");
	assert_int_equal(add(&strings, ""), 0);
	assert_int_not_equal(add(&strings, "x"), 0);
	assert_int_equal(add(&strings, ""), 0);
	assert_string_equal(strings_get(&strings, 0), "");
	assert_string_equal(strings_get(&strings, 99), "");
	strings_done(&strings);
}

static void length_and_nul_both_end_a_text(void **state)
{
	struct strings strings = { 0 };
	uint32_t abc, cut, nul;

	(void)state;
	abc = add(&strings, "abc");
	assert_int_equal(strings_add(&strings, "abcdef", 3, &cut), 0);
	assert_int_equal(strings_add(&strings, "abc\0def", 7, &nul), 0);
	assert_int_equal(cut, abc);
	assert_int_equal(nul, abc);
	assert_int_equal(strings_add(&strings, "abc", 0, &cut), 0);
	assert_int_equal(cut, 0);
	strings_done(&strings);
}

static void holds_many(void **state)
{
	struct strings strings = { 0 };
	char text[32];

	(void)state;
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 100000; i++) {
			snprintf(text, sizeof(text), "function_%u", i);
			assert_int_equal(add(&strings, text), i + 1);
		}
	}
	assert_string_equal(strings_get(&strings, 77778), "function_77777");
	strings_done(&strings);
}

static void refuses_more_than_its_ceiling(void **state)
{
	struct strings strings = { 0 };
	uint32_t id = 5;

	(void)state;
	add(&strings, "x");
	strings.text.len = STRINGS_MAX_BYTES - 3; /* as if it were nearly full */
	assert_int_equal(strings_add(&strings, "long", SIZE_MAX, &id), -E2BIG);
	assert_int_equal(id, 5);
	strings.text.len = 3;
	strings_done(&strings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text_once),
		cmocka_unit_test(nothing_is_number_zero),
		cmocka_unit_test(length_and_nul_both_end_a_text),
		cmocka_unit_test(holds_many),
		cmocka_unit_test(refuses_more_than_its_ceiling),
	};

	return test_run(tests);
}
