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

static void texts_lose_their_escapes(void **state)
{
	static const char *const texts[][2] = {
		{ "\"a\\\"b\\\\\\/\\n\\t\"", "a\"b\\/\n\t" },
		{ "\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac" },
		{ "\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!" },
		{ "\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
					"A" },
		{ "\"\\u0000\\uzz\"", "\xef\xbf\xbd\xef\xbf\xbdzz" },
		{ "\"\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++) {
		own(freep) char *text = NULL;
		struct json_reader reader;

		json_read_begin(&reader, texts[i][0], strlen(texts[i][0]));
		assert_int_equal(json_read(&reader), JSON_TEXT);
		text = json_read_text(&reader);
		assert_string_equal(text, texts[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_come_in_order),
		cmocka_unit_test(what_is_no_json_is_bad),
		cmocka_unit_test(values_can_be_skipped),
		cmocka_unit_test(texts_lose_their_escapes),
	};

	return test_run(tests);
}
