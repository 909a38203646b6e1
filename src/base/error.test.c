/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/test.h"

static void records_text_and_hint(void **state)
{
	(void)state;
	assert_int_equal(fail(-ENOENT, "cannot open '%s': %m", "x"), -ENOENT);
	assert_string_equal(error_text(), "cannot open 'x': No such file or directory");
	assert_string_equal(error_hint(), "");
	hint("ls %d", 1);
	assert_string_equal(error_hint(), "ls 1");
	error_clear();
	assert_string_equal(error_text(), "");
	assert_string_equal(error_hint(), "");
}

static void newest_failure_wins_and_drops_the_old_hint(void **state)
{
	(void)state;
	fail(-EIO, "first");
	hint("remedy of the first");
	fail(-EPERM, "second");
	assert_string_equal(error_text(), "second");
	assert_string_equal(error_hint(), "");
}

static void may_quote_itself(void **state)
{
	(void)state;
	fail(-EIO, "inner");
	hint("inner hint");
	hint("first %s", error_hint());
	fail(-EIO, "outer: %s", error_text());
	assert_string_equal(error_text(), "outer: inner");
	fail(-EIO, "cause");
	hint("remedy");
	fail(-EIO, "%s; %s", error_text(), error_hint());
	assert_string_equal(error_text(), "cause; remedy");
}

static void cuts_what_is_too_long(void **state)
{
	char *huge = calloc(1, 100001);

	(void)state;
	memset(huge, 'x', 100000);
	fail(-EIO, "%s", huge);
	hint("%s", huge);
	assert_in_range(strlen(error_text()), 100, 2000);
	assert_in_range(strlen(error_hint()), 100, 2000);
	free(huge);
	error_clear();
}

static void *fail_elsewhere(void *unused)
{
	(void)unused;
	fail(-EIO, "of the other thread");
	return NULL;
}

static void each_thread_has_its_own(void **state)
{
	pthread_t thread;

	(void)state;
	fail(-EIO, "mine");
	assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	assert_string_equal(error_text(), "mine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_text_and_hint),
		cmocka_unit_test(newest_failure_wins_and_drops_the_old_hint),
		cmocka_unit_test(may_quote_itself),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(each_thread_has_its_own),
	};

	return test_run(tests);
}
