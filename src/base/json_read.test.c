/* SPDX-License-Identifier: MIT */
#include "base/json_read.h"

#include <string.h>

#include "base/test.h"

static enum json_token last_of(const char *text)
{
	struct json_reader reader;
	enum json_token token;

	json_read_begin(&reader, text, strlen(text));
	do
		token = json_read(&reader);
	while (token > JSON_BAD);
	return token;
}

static void tokens_come_in_order(void **state)
{
	static const char text[] =
		"{\"a\": [1, -2.5e1, \"x\\\"y\"], \"b\":{\"c\":null},\"d\":true}";
	const enum json_token expected[] = {
		JSON_OBJECT, JSON_KEY,  JSON_ARRAY,      JSON_NUMBER,
		JSON_NUMBER, JSON_TEXT, JSON_ARRAY_END,  JSON_KEY,
		JSON_OBJECT, JSON_KEY,  JSON_NULL,       JSON_OBJECT_END,
		JSON_KEY,    JSON_TRUE, JSON_OBJECT_END, JSON_END,
	};
	struct json_reader reader;

	(void)state;
	json_read_begin(&reader, text, strlen(text));
	for (size_t i = 0; i < array_len(expected); i++) {
		assert_int_equal(json_read(&reader), expected[i]);
		if (i == 1)
			assert_true(json_read_is(&reader, "a"));
		if (i == 4)
			assert_true(reader.number == -25);
		if (i == 5)
			assert_true(json_read_is(&reader, "x\\\"y"));
	}
	assert_int_equal(json_read(&reader), JSON_END);
}

static void what_is_no_json_is_bad(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"[1",
		"[1,]",
		"{\"a\"}",
		"{\"a\":}",
		"{,}",
		"{1:2}",
		"[1 2]",
		"{\"a\":1 \"b\":2}",
		"\"open",
		"\"\\",
		"nul",
		"tru",
		"1 2",
		"[}",
		"{]",
		"]",
		"--",
		"1e",
		"{\"a\":1,}",
		"[,1]",
	};
	static const char *const good[] = { "1", "\"\"", "{}", "[]", " [ ] ", "[[],{}]", "null" };
	char deep[200];

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++)
		if (last_of(texts[i]) != JSON_BAD) {
			print_message("%s\n", texts[i]);
			test_fail();
		}
	for (size_t i = 0; i < array_len(good); i++)
		assert_int_equal(last_of(good[i]), JSON_END);
	memset(deep, '[', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(last_of(deep), JSON_BAD);
}

static void values_can_be_skipped(void **state)
{
	static const char text[] = "[{\"a\":[1,{\"b\":2}]},7]";
	struct json_reader reader;

	(void)state;
	json_read_begin(&reader, text, strlen(text));
	assert_int_equal(json_read(&reader), JSON_ARRAY);
	json_skip(&reader, json_read(&reader));
	assert_int_equal(json_read(&reader), JSON_NUMBER);
	assert_true(reader.number == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_come_in_order),
		cmocka_unit_test(what_is_no_json_is_bad),
		cmocka_unit_test(values_can_be_skipped),
	};

	return test_run(tests);
}
