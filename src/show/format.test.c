/* SPDX-License-Identifier: MIT */
#include "show/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static void formats_numbers(void **state)
{
	static const struct {
		uint64_t count;
		const char *text;
	} counts[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 1234567, "1,234,567" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	static const struct {
		uint64_t ns;
		const char *text;
	} times[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.00 \xc2\xb5s" },
		{ 999499, "999 \xc2\xb5s" },
		{ 999500, "1.00 ms" },
		{ 10049999, "10.0 ms" },
		{ 9999999999, "10.0 s" },
		{ 99500000000, "1 m 40 s" },
		{ 3599499999999, "59 m 59 s" },
		{ 3600000000000, "1 h 00 m" },
		{ UINT64_MAX - 500000000, "5124095 h 34 m" },
	};

	(void)state;
	for (size_t i = 0; i < array_len(counts); i++)
		assert_string_equal(format_count(counts[i].count).text, counts[i].text);
	for (size_t i = 0; i < array_len(times); i++)
		assert_string_equal(format_ns(times[i].ns).text, times[i].text);
}

static void formats_shares(void **state)
{
	static const struct {
		double pct;
		const char *text;
	} shares[] = {
		{ 0, "0 %" },        { 1e-9, "< 0.1 %" }, { 0.0499, "< 0.1 %" }, { 0.05, "0.1 %" },
		{ 99.94, "99.9 %" }, { 99.96, "100 %" },  { 100, "100 %" },
	};

	(void)state;
	for (size_t i = 0; i < array_len(shares); i++)
		assert_string_equal(format_pct(shares[i].pct).text, shares[i].text);
}

static void counts_columns(void **state)
{
	(void)state;
	assert_int_equal(format_columns(""), 0);
	assert_int_equal(format_columns("abc"), 3);
	assert_int_equal(format_columns("\xe4\xb8\x96\xe7\x95\x8c"), 4); /* two wide ones */
	assert_int_equal(format_columns("e\xcc\x81"), 1);                /* a combining accent */
	assert_int_equal(format_columns("\xe2\x94\x94\xe2\x94\x80 "), 3);
}

static void label_is(const char *name, size_t max, const char *expected)
{
	own(freep) char *label = NULL;

	assert_int_equal(format_label(name, max, &label), 0);
	assert_string_equal(label, expected);
	if (max)
		assert_true(format_columns(label) <= max);
}

static void shortens_names(void **state)
{
	(void)state;
	label_is("main", 0, "main");
	label_is("line\nbreak", 0, "line\\x0abreak");
	label_is("f(int, char const*)", 19, "f(int, char const*)");
	label_is("f(int, char const*)", 18, "f(\xe2\x80\xa6)");
	label_is("std::map<int, std::string>::at(int const&)", 30,
		 "std::map<\xe2\x80\xa6>::at(\xe2\x80\xa6)");
	label_is("std::map<int, std::string>::at(int const&)", 36,
		 "std::map<int, std::string>::at(\xe2\x80\xa6)");
	label_is("std::vector<std::map<int, int>>::push_back()", 30,
		 "std::vector<\xe2\x80\xa6>::push_back()");
	label_is("a_long_name_without_brackets", 10, "a_long_na\xe2\x80\xa6");
	label_is("\xe4\xb8\x96\xe7\x95\x8c\xe4\xb8\x96\xe7\x95\x8c", 4, "\xe4\xb8\x96\xe2\x80\xa6");
	label_is("<impl core::fmt::Display for T>::fmt", 20, "<impl core::fmt::Di\xe2\x80\xa6");
}

static void wrapped_is(const char *text, size_t indent, size_t width, const char *expected)
{
	own(freep) char *got =
		test_text(out, assert_int_equal(format_wrapped(out, text, indent, width), 0));

	assert_string_equal(got, expected);
}

static void wraps_text(void **state)
{
	(void)state;
	wrapped_is("", 4, 20, "");
	wrapped_is("one two three", 4, 0, "one two three");
	wrapped_is("one two three", 4, 17, "one two three");
	wrapped_is("one two three", 4, 16, "one two\n    three");
	wrapped_is("a_word_longer_than_the_line and more", 2, 10,
		   "a_word_longer_than_the_line\n  and more");
	wrapped_is("a\tb\x1b[1m", 0, 80, "a\\x09b\\x1b[1m");
}

static void speaks_ascii(void **state)
{
	own(freep) char *text = NULL;

	(void)state;
	text = test_text(out, format_put_ascii(out, "\xe2\x94\x94\xe2\x94\x80 a \xe2\x86\x92 b"
						    "\xe2\x80\xa6 \xc3\x97"
						    "3 \xc2\xb5s "
						    "\xe2\x96\x88\xe2\x96\x8d \xe4\xb8\x96 "
						    "\xf0\x9f\x98\x80\n"));
	assert_string_equal(text, "`- a > b.. x3 us #. \\u4e16 \\U0001f600\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_numbers), cmocka_unit_test(formats_shares),
		cmocka_unit_test(counts_columns),  cmocka_unit_test(shortens_names),
		cmocka_unit_test(wraps_text),      cmocka_unit_test(speaks_ascii),
	};

	return test_run(tests);
}
