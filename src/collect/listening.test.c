/* SPDX-License-Identifier: MIT */
#include "collect/listening.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/test.h"
#include "collect/descendants.h"

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

static int take_port(void *context, uint16_t port)
{
	(void)context;
	(void)port;
	return 0;
}

static int take_pid(void *context, uint32_t pid)
{
	(void)context;
	(void)pid;
	return 0;
}

/* What cannot be looked at is not taken for nothing. */
static void test_no_descriptors_are_left(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(listening_each(take_port, NULL), 0);
	assert_int_equal(descendants_each((uint32_t)getpid(), take_pid, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(listening_each(take_port, NULL), -EMFILE);
	assert_int_equal(descendants_each((uint32_t)getpid(), take_pid, NULL), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_no_descriptors_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
