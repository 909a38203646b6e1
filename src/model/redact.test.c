/* SPDX-License-Identifier: MIT */
#include "model/redact.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/test.h"

/* All arguments of a command line that has no blanks within them, and back again. */
static void expect(const char *pattern, const char *line, const char *redacted)
{
	own(redact_freep) struct redact *redact = NULL;
	own(freep) char *argv = strdup(line), *found = NULL;
	size_t len = strlen(line) + 1, found_len = 0;

	for (size_t i = 0; i < len; i++)
		if (argv[i] == ' ')
			argv[i] = '\0';
	assert_int_equal(redact_new(pattern, &redact), 0);
	assert_int_equal(redact_argv(redact, argv, len, &found, &found_len), 0);
	for (size_t i = 0; i + 1 < found_len; i++)
		if (found[i] == '\0')
			found[i] = ' ';
	assert_string_equal(found, redacted);
}

static void what_is_usual(void **state)
{
	(void)state;
	expect("", "mysql --password=hunter2 -u me", "mysql --password=*** -u me");
	expect("", "mysql --password hunter2 -u me", "mysql --password *** -u me");
	expect("", "env PGPASSWORD=x AWS_SECRET_ACCESS_KEY=y psql",
	       "env PGPASSWORD=*** AWS_SECRET_ACCESS_KEY=*** psql");
	expect("", "curl -H Authorization:Bearer-abc https://me:pw@host/",
	       "curl -H Authorization:*** https://me:***@host/");
	expect("", "tool --api-key k1 --token-file /etc/t", "tool --api-key *** --token-file ***");
	expect("", "ls -l /tmp", "ls -l /tmp");
	expect("", "passwd root", "passwd root");
}

static void lines_for_a_shell(void **state)
{
	static const char *const lines[][2] = {
		{ "curl --token abc -s x; tool --password 'y z'",
		  "curl --token *** -s x; tool --password ***" },
		{ "tool --api-key \"k 1\" x", "tool --api-key *** x" },
		{ "my-token x", "my-token x" },
	};

	(void)state;
	for (size_t i = 0; i < array_len(lines); i++) {
		own(redact_freep) struct redact *redact = NULL;
		own(freep) char *found = NULL;
		size_t len;

		assert_int_equal(redact_new("", &redact), 0);
		assert_int_equal(
			redact_argv(redact, lines[i][0], strlen(lines[i][0]) + 1, &found, &len), 0);
		assert_string_equal(found, lines[i][1]);
	}
}

static void what_is_asked_for(void **state)
{
	(void)state;
	expect("k[0-9]+", "a k1k22 xk333y", "a ****** x***y");
	expect("x*", "abc xxd", "abc ***d");
	expect("^.*$", "a b", "*** ***");
	expect("none", "", "");
}

static void one_that_is_cut(void **state)
{
	own(redact_freep) struct redact *redact = NULL;
	own(freep) char *found = NULL;
	size_t len;

	(void)state;
	assert_int_equal(redact_new("b", &redact), 0);
	assert_int_equal(redact_argv(redact, "a\0cb", 4, &found, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(found, "a\0c***", 6);
}

static void no_expression(void **state)
{
	struct redact *redact = NULL;

	(void)state;
	assert_int_equal(redact_new("(", &redact), -EINVAL);
	assert_non_null(strstr(error_text(), "'(' is no regular expression"));
	error_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_usual),     cmocka_unit_test(lines_for_a_shell),
		cmocka_unit_test(what_is_asked_for), cmocka_unit_test(one_that_is_cut),
		cmocka_unit_test(no_expression),
	};

	return test_run(tests);
}
