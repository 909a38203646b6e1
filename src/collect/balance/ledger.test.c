/* SPDX-License-Identifier: MIT */
#include "collect/balance/ledger.h"

#include <string.h>

#include "base/test.h"

static struct balance_cell cell_at(uint32_t state, uint64_t stamp)
{
	return (struct balance_cell){
		.stamp = stamp,
		.state = state,
		.reason = BLOCK_PIPE,
		.thread = { .pid = 7, .tid = 7, .process = 50, .born = 100 },
	};
}

/* Whatever the state, nothing of a life is left over. */
static void a_life_that_is_cut_short_adds_up(void **state)
{
	struct balance_task task = { .state = 1 };

	(void)state;
	for (uint32_t where = BALANCE_NOWHERE; where <= BALANCE_UNKNOWN; where++)
		for (uint64_t at = 90; at < 320; at += 30)
			for (uint64_t woken = 0; woken < 320; woken += 60) {
				struct balance_cell cell = cell_at(where, 200);

				cell.thread.times.running = 100; /* from its birth to its stamp */
				cell.woken = woken;
				ledger_close(&cell, &task, at);
				assert_int_equal(times_residual(&cell.thread.times), 0);
				assert_true(cell.thread.times.life >= 100);
			}
}

static void a_blocked_one_waits_for_a_cpu_from_its_wake_up_on(void **state)
{
	struct balance_cell cell = cell_at(BALANCE_BLOCKED, 100);

	(void)state;
	cell.woken = 250;
	ledger_close(&cell, NULL, 300);
	assert_int_equal(cell.thread.times.blocked[BLOCK_PIPE], 150);
	assert_int_equal(cell.thread.times.runq, 50);
}

static void what_was_never_seen_to_move_is_where_the_kernel_finds_it(void **state)
{
	struct balance_task task = { .state = 1, .counters = { .kernel_cpu = 1000 } };
	struct balance_cell cell = cell_at(BALANCE_UNKNOWN, 100);

	(void)state;
	cell.thread.times.kernel_cpu = 400;
	ledger_close(&cell, &task, 300);
	assert_int_equal(cell.thread.times.blocked[BLOCK_PIPE], 200);
	assert_int_equal(cell.thread.times.kernel_cpu, 600);
	assert_true(cell.thread.flags & BALANCE_ALIVE);

	cell = cell_at(BALANCE_UNKNOWN, 100);
	task.on_cpu = 1;
	ledger_close(&cell, &task, 300);
	assert_int_equal(cell.thread.times.running, 200);
}

static void one_that_is_gone_has_no_counts_of_the_kernel(void **state)
{
	struct balance_cell cell = cell_at(BALANCE_RUNNING, 100);

	(void)state;
	cell.thread.times.kernel_cpu = 400;
	ledger_close(&cell, NULL, 300);
	assert_int_equal(cell.thread.times.kernel_cpu, 0);
}

static void threads_join_their_process(void **state)
{
	struct balance_thread thread = { .kind = BALANCE_THREAD,
					 .tid = 7,
					 .pid = 7,
					 .process = 50,
					 .parent = 3,
					 .parent_process = 20,
					 .born = 50,
					 .died = 90,
					 .times = { .life = 40, .running = 40 } };
	struct ledger ledger = { 0 };
	struct account *account;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	ledger.account = account;
	assert_int_equal(ledger_take(&ledger, &thread, sizeof(thread)), 0);
	thread.tid = 8;
	thread.flags = BALANCE_LAST;
	thread.exit_code = 5 << 8;
	assert_int_equal(ledger_take(&ledger, &thread, sizeof(thread)), 0);
	assert_int_equal(account->processes.len, 2); /* and the parent, which nobody told of yet */
	assert_int_equal(account->processes.data[0].threads, 2);
	assert_int_equal(account->processes.data[0].times.running, 80);
	assert_int_equal(account->processes.data[0].status, 5 << 8);
	assert_int_equal(account->processes.data[0].parent, 1);
	assert_int_equal(account->processes.data[1].threads, 0);
	/* Another process of the same number. */
	thread.process = 500;
	assert_int_equal(ledger_take(&ledger, &thread, sizeof(thread)), 0);
	assert_int_equal(account->processes.len, 3);
	account_free(account);
}

static void what_is_too_short_is_dropped(void **state)
{
	struct balance_exec exec = { .kind = BALANCE_EXEC, .pid = 7, .argv_len = 4000 };
	struct ledger ledger = { 0 };
	struct account *account;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	ledger.account = account;
	for (size_t len = 0; len < sizeof(exec) - 200; len += 7)
		assert_int_equal(ledger_take(&ledger, &exec, len), 0);
	assert_int_equal(account->execs.len, 0);
	assert_int_equal(ledger_take(&ledger, &exec, sizeof(exec)), 0);
	assert_int_equal(account->execs.len, 1);
	account_free(account);
}

static void holders_are_those_of_the_last_maximum(void **state)
{
	struct balance_space early = { .kind = BALANCE_SPACE,
				       .pid = 1,
				       .process = 1,
				       .peak_pages = 100,
				       .pages_at_peak = 100,
				       .peak = 3 };
	struct balance_space late = { .kind = BALANCE_SPACE,
				      .pid = 2,
				      .process = 2,
				      .peak_pages = 80,
				      .pages_at_peak = 70,
				      .peak = 4 };
	struct ledger ledger = { .peak = 4 };
	struct account *account;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	ledger.account = account;
	assert_int_equal(ledger_take(&ledger, &early, sizeof(early)), 0);
	assert_int_equal(ledger_take(&ledger, &late, sizeof(late)), 0);
	ledger_memory(&ledger, 10);
	assert_int_equal(account->processes.data[0].rss_at_tree_peak_bytes, 0);
	assert_int_equal(account->processes.data[0].rss_peak_bytes, 1000);
	assert_int_equal(account->processes.data[1].rss_at_tree_peak_bytes, 700);
	vec_done(&ledger.spaces);
	account_free(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_that_is_cut_short_adds_up),
		cmocka_unit_test(a_blocked_one_waits_for_a_cpu_from_its_wake_up_on),
		cmocka_unit_test(what_was_never_seen_to_move_is_where_the_kernel_finds_it),
		cmocka_unit_test(one_that_is_gone_has_no_counts_of_the_kernel),
		cmocka_unit_test(threads_join_their_process),
		cmocka_unit_test(what_is_too_short_is_dropped),
		cmocka_unit_test(holders_are_those_of_the_last_maximum),
	};

	return test_run(tests);
}
