/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/test.h"
#include "elf/source.h"

static const char content[] = "one\0two\0\0last without end";

static void check_reading(const struct source *source)
{
	char text[64];

	assert_true(source_has(source, 0, source->len));
	assert_true(source_has(source, source->len, 0));
	assert_false(source_has(source, source->len, 1));
	assert_false(source_has(source, 1, UINT64_MAX));
	assert_false(source_has(source, UINT64_MAX, 1));
	assert_int_equal(source_read(source, text, 3, 4), 0);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(source_read(source, text, 3, source->len - 2), -ENODATA);
	assert_int_equal(source_text(source, 0, source->len, text, sizeof(text)), 3);
	assert_string_equal(text, "one");
	assert_int_equal(source_text(source, 5, source->len, text, sizeof(text)), 2);
	assert_string_equal(text, "wo");
	assert_int_equal(source_text(source, 8, source->len, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(source_text(source, 0, 2, text, sizeof(text)), 2);
	assert_string_equal(text, "on");
	assert_int_equal(source_text(source, 9, source->len, text, 5), 4);
	assert_string_equal(text, "last");
	assert_int_equal(source_text(source, 9, source->len, text, sizeof(text)), source->len - 9);
	assert_int_equal(source_text(source, 9, 9, text, sizeof(text)), -EBADMSG);
	assert_int_equal(source_text(source, 9, source->len + 99, text, sizeof(text)), -ENODATA);
}

static void reads_a_file_and_memory_alike(void **state)
{
	size_t len = sizeof(content) - 1;
	char *copy = malloc(len);
	struct source file, memory;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, content, len);
	source_hold(&memory, copy, len);
	assert_int_equal(source_open(&file, test_file(content, len)), 0);
	check_reading(&memory);
	check_reading(&file);
	source_done(&memory);
	source_done(&file);
}

static void tells_of_a_file_that_shrank(void **state)
{
	struct source source;
	char text[8];

	(void)state;
	assert_int_equal(source_open(&source, test_file(content, sizeof(content))), 0);
	assert_int_equal(ftruncate(source.fd, 2), 0);
	assert_int_equal(source_read(&source, text, 4, 0), -ENODATA);
	source_done(&source);
}

static void takes_regular_files_only(void **state)
{
	struct source source;
	int folder = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC), pipes[2];

	(void)state;
	assert_true(folder >= 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(source_open(&source, folder), -EINVAL);
	assert_int_equal(source_open(&source, pipes[0]), -EINVAL);
	close(folder);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_file_and_memory_alike),
		cmocka_unit_test(tells_of_a_file_that_shrank),
		cmocka_unit_test(takes_regular_files_only),
	};

	return test_run(tests);
}
