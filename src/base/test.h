/* SPDX-License-Identifier: MIT */
/* test.h - cmocka, which wants four headers in front of it; for *.test.c only. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"

/* fail() is ours (base/error.h). */
#undef fail
#undef fail_msg
#define test_fail() _fail(__FILE__, __LINE__)

/* Skips the test; the reason appears in the report. */
#define test_skip(...)                      \
	do {                                \
		print_message("skip: ");    \
		print_message(__VA_ARGS__); \
		print_message("\n");        \
		skip();                     \
	} while (0)

/* What `write` puts into a stream, as text to be freed. */
#define test_text(stream, write)                              \
	({                                                    \
		char *text_ = NULL;                           \
		size_t len_ = 0;                              \
		FILE *stream = open_memstream(&text_, &len_); \
		assert_non_null(stream);                      \
		write;                                        \
		fclose(stream);                               \
		text_;                                        \
	})

/* A file of memory that holds some bytes; the test closes it. */
static inline int test_file(const void *bytes, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, 0), len);
	return fd;
}

#define test_run(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
