/* SPDX-License-Identifier: MIT */
#include "report/calls.h"

#include "base/test.h"

static void the_most_time_comes_first(void **state)
{
	struct account *account;
	struct call_order order;

	(void)state;
	assert_int_equal(account_new(&account), 0);
	account->tick_ns = 10;
	account->calls[3] = (struct balance_call){ .blocked = 50 };
	account->calls[1] = (struct balance_call){ .ticks = 6 };
	account->calls[7] = (struct balance_call){ .blocked = 40, .ticks = 1 };
	account->calls[BALANCE_CALLS - 1] = (struct balance_call){ .blocked = 1 };
	order = call_order(account);
	assert_int_equal(order.count, 4);
	assert_int_equal(order.ticks, 7);
	assert_int_equal(order.numbers[0], 1);
	assert_int_equal(order.numbers[1], 3);
	assert_int_equal(order.numbers[2], 7);
	assert_int_equal(order.numbers[3], BALANCE_CALLS - 1);
	account_free(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_time_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
