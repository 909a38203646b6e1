/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/number.h"
#include "base/test.h"

static void reads_whole_numbers(void **state)
{
	uint64_t number = 7;

	(void)state;
	assert_int_equal(number_parse("0", 0, 10, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(number_parse("18446744073709551615", 0, UINT64_MAX, &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(number_parse("0010", 0, 10, &number), 0);
	assert_int_equal(number, 10);
}

static void refuses_what_is_no_whole_number(void **state)
{
	static const char *const bad[] = { "",   "-1",  "+1",  " 1",  "1 ",  "1.0",
					   "0x", "0x1", "1e3", "abc", "1,2", "\xd9\xa1" };
	uint64_t number = 7;

	(void)state;
	for (size_t i = 0; i < array_len(bad); i++)
		assert_int_equal(number_parse(bad[i], 0, UINT64_MAX, &number), -EINVAL);
	assert_int_equal(number, 7);
}

static void keeps_to_the_range(void **state)
{
	uint64_t number = 7;

	(void)state;
	assert_int_equal(number_parse("1", 1, 5, &number), 0);
	assert_int_equal(number_parse("5", 1, 5, &number), 0);
	assert_int_equal(number, 5);
	assert_int_equal(number_parse("0", 1, 5, &number), -ERANGE);
	assert_int_equal(number_parse("6", 1, 5, &number), -ERANGE);
	assert_int_equal(number_parse("18446744073709551616", 0, UINT64_MAX, &number), -ERANGE);
	assert_int_equal(number_parse("99999999999999999999999", 0, UINT64_MAX, &number), -ERANGE);
	assert_int_equal(number, 5);
}

static void reads_decimals(void **state)
{
	static const char *const bad[] = { "",
					   ".",
					   "5.",
					   "1.2.3",
					   "-1",
					   "inf",
					   "nan",
					   "1e3",
					   "0x10",
					   "1,5",
					   " 1",
					   "1 ",
					   "1234567890123456789012345" };
	double number = 7;

	(void)state;
	assert_int_equal(number_parse_decimal("0.25", 0, 1, &number), 0);
	assert_true(number == 0.25);
	assert_int_equal(number_parse_decimal(".5", 0, 1, &number), 0);
	assert_true(number == 0.5);
	assert_int_equal(number_parse_decimal("100", 0, 100, &number), 0);
	assert_true(number == 100);
	assert_int_equal(number_parse_decimal("100.1", 0, 100, &number), -ERANGE);
	assert_int_equal(number_parse_decimal("0.1", 0.5, 100, &number), -ERANGE);
	for (size_t i = 0; i < array_len(bad); i++)
		assert_int_equal(number_parse_decimal(bad[i], 0, 1e9, &number), -EINVAL);
	assert_true(number == 100);
}

static void reads_time_spans(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0", 0 },           { "10", 10000000000 },  { "0.5", 500000000 },
		{ "1s", 1000000000 }, { "100ms", 100000000 }, { "1.5us", 1500 },
		{ "7ns", 7 },         { "2m", 120000000000 }, { "1h", 3600000000000 },
		{ ".1", 100000000 },  { ".5ms", 500000 },
	};
	static const char *const bad[] = { "",    "s",   "1 s", "1S", "1d", "-1s",
					   "1ss", "1.s", "ms",  ".",  ".s" };
	uint64_t ns = 7;

	(void)state;
	for (size_t i = 0; i < array_len(good); i++) {
		assert_int_equal(number_parse_duration(good[i].text, &ns), 0);
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < array_len(bad); i++)
		assert_int_equal(number_parse_duration(bad[i], &ns), -EINVAL);
	assert_int_equal(number_parse_duration("9999999h", &ns), -ERANGE);
	assert_int_equal(number_parse_duration("99999999999999999999", &ns), -ERANGE);
}

static void reads_sizes(void **state)
{
	uint64_t bytes = 7;

	(void)state;
	assert_int_equal(number_parse_bytes("4096", &bytes), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(number_parse_bytes("1.5K", &bytes), 0);
	assert_int_equal(bytes, 1536);
	assert_int_equal(number_parse_bytes("2M", &bytes), 0);
	assert_int_equal(bytes, 2 << 20);
	assert_int_equal(number_parse_bytes("1T", &bytes), 0);
	assert_true(bytes == 1ull << 40);
	assert_int_equal(number_parse_bytes("1k", &bytes), -EINVAL);
	assert_int_equal(number_parse_bytes("1KB", &bytes), -EINVAL);
	assert_int_equal(number_parse_bytes("99999999T", &bytes), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_whole_numbers),
		cmocka_unit_test(refuses_what_is_no_whole_number),
		cmocka_unit_test(keeps_to_the_range),
		cmocka_unit_test(reads_decimals),
		cmocka_unit_test(reads_time_spans),
		cmocka_unit_test(reads_sizes),
	};

	return test_run(tests);
}
