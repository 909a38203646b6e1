/* SPDX-License-Identifier: MIT */
#include "report/programs.h"

#include <string.h>

#include "base/test.h"

static uint32_t add(struct account *account, uint32_t pid, uint32_t parent, const char *argv,
		    uint64_t life)
{
	struct account_thread thread = { .tid = pid, .times = { .life = life } };

	assert_int_equal(account_process(account, pid, 1, &thread.process), 0);
	account->processes.data[thread.process].parent = parent;
	if (argv)
		assert_int_equal(account_exec(account, thread.process, 1, argv, argv,
					      strlen(argv) + 1, strlen(argv) + 1),
				 0);
	assert_int_equal(account_thread(account, &thread), 0);
	return thread.process;
}

static void processes_of_one_name_are_one_row(void **state)
{
	struct programs programs;
	struct account *account;
	uint32_t make, shell;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	make = add(account, 1, ACCOUNT_NONE, "/usr/bin/make", 1000);
	for (uint32_t i = 0; i < 5; i++) {
		shell = add(account, 10 + i, make, "/bin/sh", 100);
		add(account, 20 + i, shell, "gcc", 90);
	}
	add(account, 30, make, "rm", 900);
	add(account, 31, make, NULL, 1); /* a fork of make that executed nothing */
	assert_int_equal(programs_make(account, &programs), 0);
	assert_int_equal(programs.rows.len, 5);
	assert_string_equal(programs.rows.data[0].name, "make");
	assert_string_equal(programs.rows.data[1].name, "rm");
	assert_string_equal(programs.rows.data[2].name, "sh");
	assert_int_equal(programs.rows.data[2].count, 5);
	assert_int_equal(programs.rows.data[2].times.life, 500);
	assert_string_equal(programs.rows.data[3].name, "gcc");
	assert_int_equal(programs.rows.data[3].depth, 2);
	assert_string_equal(programs.rows.data[4].name, "make");
	programs_done(&programs);
	account_free(account);
}

static void an_account_of_nothing_has_no_rows(void **state)
{
	struct programs programs;
	struct account *account;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	assert_int_equal(programs_make(account, &programs), 0);
	assert_int_equal(programs.rows.len, 0);
	programs_done(&programs);
	account_free(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes_of_one_name_are_one_row),
		cmocka_unit_test(an_account_of_nothing_has_no_rows),
	};

	return test_run(tests);
}
