/* SPDX-License-Identifier: MIT */
/* Files are written here record by record, as the specification of the format draws them. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/test.h"
#include "resolve/jit.h"

struct dump {
	vec(char) bytes;
};

static void put(struct dump *dump, const void *bytes, size_t len)
{
	assert_int_equal(vec_reserve(&dump->bytes, len), 0);
	memcpy(dump->bytes.data + dump->bytes.len, bytes, len);
	dump->bytes.len += len;
}

static void put32(struct dump *dump, uint32_t value)
{
	put(dump, &value, sizeof(value));
}

static void put64(struct dump *dump, uint64_t value)
{
	put(dump, &value, sizeof(value));
}

static void put_header(struct dump *dump)
{
	put32(dump, 0x4a695444); /* "JiTD" */
	put32(dump, 1);
	put32(dump, 40); /* total_size */
	put32(dump, 62); /* elf_mach */
	put32(dump, 0);
	put32(dump, 1234); /* pid */
	put64(dump, 1);
	put64(dump, 0);
}

static void put_load(struct dump *dump, uint64_t address, uint32_t bytes, uint64_t index,
		     const char *name)
{
	static const char code[4096];

	put32(dump, 0);
	put32(dump, (uint32_t)(56 + strlen(name) + 1 + bytes));
	put64(dump, 2);
	put32(dump, 1234);
	put32(dump, 1234);
	put64(dump, address);
	put64(dump, address);
	put64(dump, bytes);
	put64(dump, index);
	put(dump, name, strlen(name) + 1);
	put(dump, code, bytes);
}

static void put_move(struct dump *dump, uint64_t from, uint64_t to, uint64_t bytes, uint64_t index)
{
	put32(dump, 1);
	put32(dump, 64);
	put64(dump, 3);
	put32(dump, 1234);
	put32(dump, 1234);
	put64(dump, to);
	put64(dump, from);
	put64(dump, to);
	put64(dump, bytes);
	put64(dump, index);
}

/* A record of a kind that is of no use for names. */
static void put_other(struct dump *dump, uint32_t kind, uint32_t bytes)
{
	static const char content[256];

	put32(dump, kind);
	put32(dump, 16 + bytes);
	put64(dump, 3);
	put(dump, content, bytes);
}

static int read_dump(const struct dump *dump, size_t len, struct jit *jit)
{
	int fd = test_file(dump->bytes.data, len), err;

	assert_int_equal(jit_prepare(jit), 0);
	err = jitdump_read(fd, jit);
	close(fd);
	return err;
}

static void expect_at(const struct dump *dump, size_t len, uint64_t address, const char *name)
{
	struct jit jit = { 0 };

	assert_int_equal(vec_push(&jit.asks, { .address = address }), 0);
	assert_int_equal(read_dump(dump, len, &jit), 0);
	assert_string_equal(jit.text.data + jit.asks.data[0].name, name);
	jit_done(&jit);
}

static void expect(const struct dump *dump, uint64_t address, const char *name)
{
	expect_at(dump, dump->bytes.len, address, name);
}

static void names_what_was_loaded(void **state)
{
	struct dump dump = { 0 };

	(void)state;
	put_header(&dump);
	put_other(&dump, 2, 100); /* JIT_CODE_DEBUG_INFO */
	put_load(&dump, 0x1000, 64, 1, "first");
	put_other(&dump, 4, 24); /* JIT_CODE_UNWINDING_INFO */
	put_load(&dump, 0x2000, 64, 2, "second");
	put_load(&dump, 0x1020, 8, 3, "third");
	put_other(&dump, 3, 0); /* JIT_CODE_CLOSE */
	expect(&dump, 0x1000, "first");
	expect(&dump, 0x101f, "first");
	expect(&dump, 0x1020, "third");
	expect(&dump, 0x1028, "first");
	expect(&dump, 0x1040, "");
	expect(&dump, 0x203f, "second");
	expect(&dump, 0x2040, "");
	vec_done(&dump.bytes);
}

static void follows_what_moved(void **state)
{
	struct dump dump = { 0 };

	(void)state;
	put_header(&dump);
	put_load(&dump, 0x1000, 64, 1, "mover");
	put_load(&dump, 0x2000, 64, 2, "other");
	put_move(&dump, 0x1000, 0x3000, 64, 1);
	put_move(&dump, 0x3000, 0x4000, 64, 1);
	put_load(&dump, 0x3000, 32, 3, "later");
	put_move(&dump, 0x9000, 0x5000, 64, 9); /* of something that was never loaded */
	expect(&dump, 0x1000, "mover");
	expect(&dump, 0x4000, "mover");
	expect(&dump, 0x403f, "mover");
	expect(&dump, 0x4040, "");
	expect(&dump, 0x3000, "later");
	expect(&dump, 0x3030, "mover");
	expect(&dump, 0x5000, "");
	vec_done(&dump.bytes);
}

/* Another function moves over a place that has a name: the old one is wrong from then on. */
static void what_moves_in_replaces_what_was_there(void **state)
{
	struct dump dump = { 0 };

	(void)state;
	put_header(&dump);
	put_load(&dump, 0x1000, 64, 1, "old");
	put_load(&dump, 0x2000, 64, 2, "new");
	put_move(&dump, 0x2000, 0x1000, 64, 2);
	expect(&dump, 0x1000, "new");
	put_move(&dump, 0x7000, 0x1000, 64, 7); /* what that is, is not known */
	expect(&dump, 0x1000, "");
	vec_done(&dump.bytes);
}

static void survives_a_file_cut_anywhere(void **state)
{
	struct dump dump = { 0 };
	size_t first_end;

	(void)state;
	put_header(&dump);
	put_load(&dump, 0x1000, 64, 1, "first");
	first_end = dump.bytes.len;
	put_load(&dump, 0x2000, 64, 2, "second");
	for (size_t len = 0; len < 40; len++) {
		struct jit jit = { 0 };

		assert_int_equal(vec_push(&jit.asks, { .address = 0x1000 }), 0);
		assert_int_equal(read_dump(&dump, len, &jit), -EBADMSG);
		jit_done(&jit);
	}
	for (size_t len = first_end; len < dump.bytes.len; len++)
		expect_at(&dump, len, 0x1000, "first");
	expect_at(&dump, 40, 0x1000, "");
	vec_done(&dump.bytes);
}

static void refuses_what_is_no_jitdump(void **state)
{
	struct dump dump = { 0 };
	struct jit jit = { 0 };

	(void)state;
	put_header(&dump);
	dump.bytes.data[0] = 'X';
	assert_int_equal(read_dump(&dump, dump.bytes.len, &jit), -EBADMSG);
	jit_done(&jit);
	dump.bytes.data[0] = 'D';
	dump.bytes.data[4] = 2; /* version */
	assert_int_equal(read_dump(&dump, dump.bytes.len, &jit), -EBADMSG);
	jit_done(&jit);
	vec_done(&dump.bytes);
}

/* A record that claims to be shorter than its head: nothing behind it is believed. */
static void stops_at_a_damaged_record(void **state)
{
	struct dump dump = { 0 };

	(void)state;
	put_header(&dump);
	put_load(&dump, 0x1000, 64, 1, "first");
	put32(&dump, 0);
	put32(&dump, 0);
	put64(&dump, 0);
	put_load(&dump, 0x2000, 64, 2, "second");
	expect(&dump, 0x1000, "first");
	expect(&dump, 0x2000, "");
	vec_done(&dump.bytes);
}

static void gives_up_beyond_its_limits(void **state)
{
	struct dump dump = { 0 };
	struct jit jit = { 0 };
	uint64_t start = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);

	(void)state;
	put_header(&dump);
	put_load(&dump, 0x1000, 64, 1, "first");
	assert_int_equal(vec_push(&jit.asks, { .address = 0x1000 }), 0);
	for (unsigned i = 0; i <= JIT_MAX_RECORDS; i++)
		put_other(&dump, 3, 0);
	assert_int_equal(read_dump(&dump, dump.bytes.len, &jit), -E2BIG);
	assert_int_equal(jit.asks.data[0].name, 0);
	assert_true(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 20 * NS_PER_S);
	jit_done(&jit);
	vec_done(&dump.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_was_loaded),
		cmocka_unit_test(follows_what_moved),
		cmocka_unit_test(what_moves_in_replaces_what_was_there),
		cmocka_unit_test(survives_a_file_cut_anywhere),
		cmocka_unit_test(refuses_what_is_no_jitdump),
		cmocka_unit_test(stops_at_a_damaged_record),
		cmocka_unit_test(gives_up_beyond_its_limits),
	};

	return test_run(tests);
}
