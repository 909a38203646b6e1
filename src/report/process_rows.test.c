/* SPDX-License-Identifier: MIT */
#include "report/process_rows.h"

#include "base/test.h"

static uint32_t add(struct account *account, uint32_t parent, uint64_t born, uint64_t died)
{
	uint32_t number;

	assert_int_equal(account_process(account, (uint32_t)born, born, &number), 0);
	account->processes.data[number].parent = parent;
	account->processes.data[number].died_mono_ns = died;
	account->processes.data[number].threads = 1;
	return number;
}

static void each_stands_behind_its_parent(void **state)
{
	struct account *account;
	struct process_rows rows;
	uint32_t root, late, early;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	late = add(account, ACCOUNT_NONE, 30, 40);
	early = add(account, ACCOUNT_NONE, 20, 90);
	root = add(account, ACCOUNT_NONE, 10, 100);
	account->processes.data[late].parent = root;
	account->processes.data[early].parent = root;
	add(account, early, 50, 60);
	assert_int_equal(process_rows_make(account, 10, &rows), 0);
	assert_int_equal(rows.rows.len, 4);
	assert_int_equal(rows.left_out, 0);
	assert_int_equal(rows.rows.data[0].process, root);
	assert_int_equal(rows.rows.data[1].process, early);
	assert_int_equal(rows.rows.data[1].depth, 1);
	assert_int_equal(rows.rows.data[2].depth, 2);
	assert_int_equal(rows.rows.data[3].process, late);
	process_rows_done(&rows);
	account_free(account);
}

static void the_shortest_lives_are_left_out(void **state)
{
	struct account *account;
	struct process_rows rows;
	uint32_t root;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	root = add(account, ACCOUNT_NONE, 1, 1000);
	for (uint64_t i = 0; i < 10; i++)
		add(account, root, 10 + i, 20 + i);
	add(account, root, 40, 400);
	assert_int_equal(process_rows_make(account, 4, &rows), 0);
	assert_int_equal(rows.rows.len, 4);
	assert_int_equal(rows.left_out, 8);
	assert_int_equal(rows.rows.data[0].process, root);
	assert_int_equal(account->processes.data[rows.rows.data[3].process].born_mono_ns, 40);
	process_rows_done(&rows);
	account_free(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stands_behind_its_parent),
		cmocka_unit_test(the_shortest_lives_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
