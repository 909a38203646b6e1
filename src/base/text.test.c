/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/test.h"
#include "base/text.h"

static void check(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void decodes_what_is_valid(void **state)
{
	const char *at = "A\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf";

	(void)state;
	assert_int_equal(text_next(&at), 'A');
	assert_int_equal(text_next(&at), 0xfc);
	assert_int_equal(text_next(&at), 0x20ac);
	assert_int_equal(text_next(&at), 0x1f600);
	assert_int_equal(text_next(&at), 0x10ffff);
	assert_int_equal(text_next(&at), 0);
	assert_int_equal(text_next(&at), 0);
}

static void steps_over_what_is_not(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\xaf",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80",
		"\xfe",
		"\xff",
		"\xc3",
		"\xe2\x82",
		"\xf0\x9f\x98",
	};

	(void)state;
	for (size_t i = 0; i < array_len(bad); i++) {
		const char *at = bad[i];

		assert_int_equal(text_next(&at), UINT32_MAX);
		assert_ptr_equal(at, bad[i] + 1);
	}
}

/* Every sequence of up to three bytes ends, and never behind its NUL. */
static void ends_on_any_bytes(void **state)
{
	char bytes[4] = { 0 };

	(void)state;
	for (unsigned all = 0; all < 1u << 24; all += 1 + (all & 7) * 3) {
		const char *at = bytes;
		int steps = 0;

		bytes[0] = (char)all;
		bytes[1] = (char)(all >> 8);
		bytes[2] = (char)(all >> 16);
		while (text_next(&at))
			steps++;
		assert_true(at <= bytes + 3 && *at == '\0' && steps <= 3);
	}
}

static char *plain(const char *text)
{
	return test_text(out, text_put_plain(out, text));
}

static void plain_is_harmless_to_a_terminal(void **state)
{
	(void)state;
	check(plain("std::vector<int> \xc3\xbc"), "std::vector<int> \xc3\xbc");
	check(plain("\x1b[31m\r\n\t\x7f"), "\\x1b[31m\\x0d\\x0a\\x09\\x7f");
	check(plain("\xc2\x9b"), "\\xc2\\x9b"); /* the one-byte escape of 8-bit terminals */
	check(plain("a\xff"), "a\\xff");
	check(plain("\xe2\x80\xae"
		    "evil"),
	      "\\u202eevil");
	check(plain("\xe2\x81\xa6\xd8\x9c\xef\xbb\xbf\xe2\x80\xa8"),
	      "\\u2066\\u061c\\ufeff\\u2028");
}

static void columns_are_those_of_plain(void **state)
{
	static const char *const texts[] = { "",          "abc",          "\xc3\xbc", "\x1b[0m",
					     "a\xff\xfe", "\xe2\x80\xae", "\xc2\x9b" };
	static const size_t columns[] = { 0, 3, 1, 7, 9, 6, 8 };

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++)
		assert_int_equal(text_columns(texts[i]), columns[i]);
}

static void folded_keeps_a_line_in_one_piece(void **state)
{
	(void)state;
	check(test_text(out, text_put_folded(out, "f(a; b)\\c", 0)), "f(a\\x3b b)\\x5cc");
	check(test_text(out, text_put_folded(out, "a b;c", 1)), "a\\x20b\\x3bc");
	check(test_text(out, text_put_folded(out, "a\nb\xff", 0)), "a\\x0ab\\xff");
}

static void xml_is_well_formed(void **state)
{
	(void)state;
	check(test_text(out, text_put_xml(out, "<a href=\"x\">&'</a>")),
	      "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
	check(test_text(out, text_put_xml(out, "\x01\xff")), "\\x01\\xff");
}

static void distance_counts_edits(void **state)
{
	char far[80];

	(void)state;
	assert_int_equal(text_distance("profile", "profile"), 0);
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("abc", ""), 3);
	assert_int_equal(text_distance("profil", "profile"), 1);
	assert_int_equal(text_distance("pofile", "profile"), 1);
	assert_int_equal(text_distance("profike", "profile"), 1);
	assert_int_equal(text_distance("porfile", "profile"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	memset(far, 'x', sizeof(far));
	far[sizeof(far) - 1] = '\0';
	assert_true(text_distance(far, "x") == SIZE_MAX);
	assert_true(text_distance("x", far) == SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_is_valid),
		cmocka_unit_test(steps_over_what_is_not),
		cmocka_unit_test(ends_on_any_bytes),
		cmocka_unit_test(plain_is_harmless_to_a_terminal),
		cmocka_unit_test(columns_are_those_of_plain),
		cmocka_unit_test(folded_keeps_a_line_in_one_piece),
		cmocka_unit_test(xml_is_well_formed),
		cmocka_unit_test(distance_counts_edits),
	};

	return test_run(tests);
}
