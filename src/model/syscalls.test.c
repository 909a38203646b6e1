/* SPDX-License-Identifier: MIT */
#include "model/syscalls.h"

#include <string.h>
#include <sys/syscall.h>

#include "base/test.h"

static void names_are_those_of_the_machine(void **state)
{
	(void)state;
	assert_string_equal(syscall_name(SYS_read), "read");
	assert_string_equal(syscall_name(SYS_execve), "execve");
	assert_string_equal(syscall_name(SYS_io_uring_enter), "io_uring_enter");
	assert_null(syscall_name(100000));
}

/* The table is searched by halves, so it must be in order. */
static void every_common_call_has_a_category(void **state)
{
	unsigned others = 0, known = 0;

	(void)state;
	for (unsigned number = 0; number < 600; number++) {
		known += syscall_name(number) != NULL;
		others += syscall_name(number) &&
			  syscall_category(syscall_name(number)) == SYSCALL_OTHER;
	}
	assert_true(known > 280);
	assert_true(others < 30);
	assert_int_equal(syscall_category("read"), SYSCALL_FILE_IO);
	assert_int_equal(syscall_category("accept"), SYSCALL_NETWORK);
	assert_int_equal(syscall_category("_sysctl"), SYSCALL_SYSTEM);
	assert_int_equal(syscall_category("writev"), SYSCALL_FILE_IO);
	assert_int_equal(syscall_category("no such call"), SYSCALL_OTHER);
	assert_int_equal(syscall_category(NULL), SYSCALL_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_machine),
		cmocka_unit_test(every_common_call_has_a_category),
	};

	return test_run(tests);
}
