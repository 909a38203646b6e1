/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/test.h"
#include "resolve/jit.h"

/* Asks a list for one address after the other; the names come in the order of the addresses. */
static int ask(int fd, struct jit *jit, const uint64_t *addresses, size_t len)
{
	int err;

	for (size_t i = 0; i < len; i++)
		assert_int_equal(vec_push(&jit->asks, { .address = addresses[i] }), 0);
	assert_int_equal(jit_prepare(jit), 0);
	err = perf_map_read(fd, jit);
	close(fd);
	return err;
}

static const char *name_of(const struct jit *jit, size_t i)
{
	return jit->text.data + jit->asks.data[i].name;
}

static void check(const char *text, uint64_t address, const char *name)
{
	struct jit jit = { 0 };

	assert_int_equal(ask(test_file(text, strlen(text)), &jit, &address, 1), 0);
	assert_string_equal(name_of(&jit, 0), name);
	jit_done(&jit);
}

static void reads_each_spelling(void **state)
{
	(void)state;
	check("1000 10 f\n", 0x1000, "f");
	check("1000 10 f\n", 0x100f, "f");
	check("1000 10 f\n", 0x1010, "");
	check("1000 10 f\n", 0xfff, "");
	check("0x1000 0X10 f\n", 0x100f, "f");
	check("00007FaBcD001000 0000000A f\n", 0x7fabcd001009, "f");
	check("1000 10 LazyCompile:*go /a b.js:1:2\n", 0x1000, "LazyCompile:*go /a b.js:1:2");
	check("1000   10  f\r\n", 0x1000, "f");
	check("ffffffffffffffff 1 end\n", UINT64_MAX, "end");
	check("fffffffffffffff0 ffffffffffffffff wraps\n", UINT64_MAX, "wraps");
	check("fffffffffffffff0 ffffffffffffffff wraps\n", 5, "");
}

static void passes_over_what_makes_no_sense(void **state)
{
	(void)state;
	check("\n\n1000 10 f\n\n", 0x1000, "f");
	check("garbage\n1000\n1000 \n1000 10\n1000 10 \n1000 0 f\n1000 10 f\n", 0x1000, "f");
	check("1000\t10\tf\n", 0x1000, "");
	check("0x 10 f\n", 0, "");
	check("11111111111111111 10 f\n", 0x1111111111111111, "");
	check("1000 -1 f\n", 0x1000, "");
	check("", 0x1000, "");
	check("1000 10 f", 0x1000, ""); /* still being written */
	check("1000 10 f\n1000 10 half", 0x1000, "f");
}

static void the_last_entry_holds(void **state)
{
	static const char text[] = "1000 100 first\n"
				   "1040 20 second\n"
				   "1050 8 third\n"
				   "1080 10 empty later\n"
				   "1080 10 fourth\n";
	static const uint64_t addresses[] = { 0x1080, 0x1000, 0x1057, 0x1058, 0x1060, 0x1000 };
	static const char *const names[] = {
		"first", "first", "third", "second", "first", "fourth"
	};
	struct jit jit = { 0 };

	(void)state;
	assert_int_equal(ask(test_file(text, strlen(text)), &jit, addresses, 6), 0);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(name_of(&jit, i), names[i]);
	jit_done(&jit);
}

/* Names of all lengths around the size of a step, so that lines end everywhere in it. */
static void cuts_long_names_and_lines(void **state)
{
	static char text[400000];
	uint64_t addresses[] = { 0x1000, 0x2000, 0x3000, 0x4000 };
	struct jit jit = { 0 };
	size_t len = 0;

	(void)state;
	len += (size_t)sprintf(text + len, "1000 1 ");
	memset(text + len, 'a', 1023);
	len += 1023;
	len += (size_t)sprintf(text + len, "\n2000 1 ");
	memset(text + len, 'b', 1500);
	len += 1500;
	len += (size_t)sprintf(text + len, "\n3000 1 ");
	memset(text + len, 'c', 200000); /* with something in it that must not be read as a line */
	memcpy(text + len + 65536 - 7, "4000 1 wrong", 12);
	memcpy(text + len + 150000, "4000 1 wrong", 12);
	len += 200000;
	len += (size_t)sprintf(text + len, "\n4000 1 right\n");
	assert_int_equal(ask(test_file(text, len), &jit, addresses, 4), 0);
	assert_int_equal(strlen(name_of(&jit, 0)), 1023);
	assert_int_equal(strlen(name_of(&jit, 1)), JIT_NAME_BYTES - 1);
	assert_int_equal(strlen(name_of(&jit, 2)), JIT_NAME_BYTES - 1);
	assert_string_equal(name_of(&jit, 3), "right");
	jit_done(&jit);
}

static void lines_may_end_anywhere_in_a_step(void **state)
{
	char text[131072];

	(void)state;
	for (size_t fill = 65536 - 40; fill < 65536 + 40; fill++) {
		size_t len = 0;
		struct jit jit = { 0 };
		uint64_t address = 0xabcde;

		while (fill - len > 2000)
			len += (size_t)sprintf(text + len, "1 1 %0990d\n", 1);
		memset(text + len, 'x', fill - len);
		text[fill - 1] = '\n';
		len = fill + (size_t)sprintf(text + fill, "abcd0 10 name of it\nff");
		assert_int_equal(ask(test_file(text, len), &jit, &address, 1), 0);
		assert_string_equal(name_of(&jit, 0), "name of it");
		jit_done(&jit);
	}
}

/* A sparse file longer than what is read: the end holds, and the start is not said to be read. */
static void reads_the_end_of_a_huge_file(void **state)
{
	static const uint64_t addresses[] = { 0x1000, 0x2000 };
	off_t bytes = (off_t)JIT_MAX_READ_BYTES * 4;
	struct jit jit = { 0 };
	int fd = test_file("1000 1 old\n2000 1 gone\n", 23);

	(void)state;
	assert_int_equal(pwrite(fd, "\n1000 1 new\n", 12, bytes - 12), 12);
	assert_int_equal(ask(fd, &jit, addresses, 2), -EFBIG);
	assert_string_equal(name_of(&jit, 0), "new");
	assert_string_equal(name_of(&jit, 1), "");
	jit_done(&jit);
}

/* Every line covers every address: without a limit that is lines times addresses. */
static void gives_up_on_what_overlaps_without_end(void **state)
{
	enum {
		ASKS = 20000,
		LINES = 50000
	};
	struct jit jit = { 0 };
	char *text = malloc(LINES * 22);
	uint64_t start = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID), address = 1;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LINES; i++)
		memcpy(text + i * 22, "0 ffffffffffffffff nm\n", 22);
	for (size_t i = 0; i < ASKS; i++)
		assert_int_equal(vec_push(&jit.asks, { .address = i }), 0);
	assert_int_equal(ask(test_file(text, LINES * 22), &jit, &address, 1), -E2BIG);
	vec_each(at, &jit.asks)
		assert_int_equal(at->name, 0);
	assert_true(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 10 * NS_PER_S);
	free(text);
	jit_done(&jit);
}

/* As large as a large program's: about a tenth of a second, of which the limit leaves 50 times. */
static void reads_a_million_lines_in_time(void **state)
{
	enum {
		LINES = 1000000,
		ASKS = 10000
	};
	char *text = malloc(LINES * 40ul);
	struct jit jit = { 0 };
	size_t len = 0;
	uint64_t start;
	int fd;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < LINES; i++)
		len += (size_t)sprintf(text + len, "%x 40 LazyCompile:~f%u\n", 0x1000000 + i * 64,
				       i);
	fd = test_file(text, len);
	for (unsigned i = 0; i < ASKS; i++)
		assert_int_equal(vec_push(&jit.asks, { .address = 0x1000000 + i * 6400 + 63 }), 0);
	assert_int_equal(jit_prepare(&jit), 0);
	start = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	assert_int_equal(perf_map_read(fd, &jit), 0);
	assert_true(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 5 * NS_PER_S);
	for (unsigned i = 0; i < ASKS; i++) {
		char name[32];

		sprintf(name, "LazyCompile:~f%u", i * 100);
		assert_string_equal(name_of(&jit, i), name);
	}
	close(fd);
	free(text);
	jit_done(&jit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_spelling),
		cmocka_unit_test(passes_over_what_makes_no_sense),
		cmocka_unit_test(the_last_entry_holds),
		cmocka_unit_test(cuts_long_names_and_lines),
		cmocka_unit_test(lines_may_end_anywhere_in_a_step),
		cmocka_unit_test(reads_the_end_of_a_huge_file),
		cmocka_unit_test(gives_up_on_what_overlaps_without_end),
		cmocka_unit_test(reads_a_million_lines_in_time),
	};

	return test_run(tests);
}
