/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "base/json.h"
#include "base/test.h"

static void check(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void writes_objects_and_arrays(void **state)
{
	struct json json;

	(void)state;
	check(test_text(out,
			{
				json_begin(&json, out, false);
				json_object(&json, NULL);
				json_text(&json, "name", "main");
				json_array(&json, "numbers");
				json_u64(&json, NULL, UINT64_MAX);
				json_i64(&json, NULL, INT64_MIN);
				json_double(&json, NULL, 0.5);
				json_array_end(&json);
				json_object(&json, "empty");
				json_object_end(&json);
				json_bool(&json, "yes", true);
				json_bool(&json, "no", false);
				json_null(&json, "nothing");
				json_text(&json, "absent", NULL);
				json_object_end(&json);
			}),
	      "{\"name\":\"main\",\"numbers\":[18446744073709551615,-9223372036854775808,0.5],"
	      "\"empty\":{},\"yes\":true,\"no\":false,\"nothing\":null,\"absent\":null}");
}

static void indents(void **state)
{
	struct json json;

	(void)state;
	check(test_text(out,
			{
				json_begin(&json, out, true);
				json_object(&json, NULL);
				json_u64(&json, "a", 1);
				json_array(&json, "b");
				json_u64(&json, NULL, 2);
				json_array_end(&json);
				json_array(&json, "c");
				json_array_end(&json);
				json_object_end(&json);
			}),
	      "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ],\n  \"c\": []\n}");
}

static char *quoted(const char *text)
{
	struct json json;

	return test_text(out, {
		json_begin(&json, out, false);
		json_text(&json, NULL, text);
	});
}

static void escapes(void **state)
{
	(void)state;
	check(quoted("plain"), "\"plain\"");
	check(quoted("\"\\/"), "\"\\\"\\\\/\"");
	check(quoted("\n\t\x01\x1f\x7f"), "\"\\u000a\\u0009\\u0001\\u001f\\u007f\"");
	check(quoted("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
	      "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
	check(quoted("\xe2\x80\xa8\xe2\x80\xa9\xc2\x85"), "\"\\u2028\\u2029\\u0085\"");
}

static void bytes_that_are_no_text(void **state)
{
	(void)state;
	check(quoted("a\xff"
		     "b"),
	      "\"a\\ufffdb\"");
	check(quoted("\xc0\x80"), "\"\\ufffd\\ufffd\"");                       /* overlong NUL */
	check(quoted("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");            /* surrogate */
	check(quoted("\xe2\x82"), "\"\\ufffd\\ufffd\"");                       /* cut short */
	check(quoted("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* > U+10FFFF */
}

static void numbers_json_does_not_have(void **state)
{
	struct json json;

	(void)state;
	check(test_text(out,
			{
				json_begin(&json, out, false);
				json_array(&json, NULL);
				json_double(&json, NULL, NAN);
				json_double(&json, NULL, INFINITY);
				json_double(&json, NULL, -INFINITY);
				json_double(&json, NULL, 1e300);
				json_double(&json, NULL, -0.0);
				json_array_end(&json);
			}),
	      "[null,null,null,1e+300,-0]");
}

static void lines_of_objects(void **state)
{
	struct json json;

	(void)state;
	check(test_text(out,
			{
				for (int i = 0; i < 2; i++) {
					json_begin(&json, out, false);
					json_object(&json, NULL);
					json_i64(&json, "i", i);
					json_object_end(&json);
					putc('\n', out);
				}
			}),
	      "{\"i\":0}\n{\"i\":1}\n");
}

static void nests_to_its_ceiling(void **state)
{
	struct json json;
	char *text;

	(void)state;
	text = test_text(out, {
		json_begin(&json, out, false);
		for (int i = 0; i < JSON_MAX_DEPTH; i++)
			json_array(&json, NULL);
		for (int i = 0; i < JSON_MAX_DEPTH; i++)
			json_array_end(&json);
	});
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		assert_true(text[i] == '[' && text[JSON_MAX_DEPTH + i] == ']');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_objects_and_arrays),
		cmocka_unit_test(indents),
		cmocka_unit_test(escapes),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(numbers_json_does_not_have),
		cmocka_unit_test(lines_of_objects),
		cmocka_unit_test(nests_to_its_ceiling),
	};

	return test_run(tests);
}
