/* SPDX-License-Identifier: MIT */
#include "collect/listening.h"

#include "base/test.h"

static void test_lines(void **state)
{
	(void)state;
	assert_true(listening_line(
			    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000") ==
		    0x1f90);
	assert_true(listening_line("  12: 00000000000000000000000001000000:0050 "
				   "00000000000000000000000000000000:0000 0A 00000000:00000000") ==
		    80);
	assert_true(listening_line("   1: 0100007F:1F90 0100007F:A000 01 00000000:00000000") == 0);
	assert_true(listening_line("  sl  local_address rem_address   st tx_queue rx_queue tr") ==
		    0);
	assert_true(listening_line("") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
