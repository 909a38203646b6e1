/* SPDX-License-Identifier: MIT */
/* Structures of programs that the compiler makes here, against offsetof() in this one. */
#include "elf/members.h"

#include <stddef.h>

#include "elf/compile.test.h"

static const struct debuginfo_limits limits = { .bytes = 64u << 20, .cpu_ns = 3000000000 };

#define STRUCTURES              \
	struct first {          \
		char a;         \
		long b;         \
		short c[3];     \
		void *d;        \
	};                      \
	struct second {         \
		struct first b; \
		int c;          \
	}
#define TEXT_OF(...) #__VA_ARGS__
#define TEXT(...)    TEXT_OF(__VA_ARGS__)

STRUCTURES;

static void expect(const char *file)
{
	own(image_freep) struct image *image = compile_image(file);
	struct member_wanted wanted[] = {
		{ "first", "d", 7 },  { "second", "c", 7 }, { "first", "b", 7 },
		{ "first", "e", 7 },  { "second", "d", 7 }, { "third", "a", 7 },
		{ "second", "b", 7 },
	};

	assert_int_equal(members_find(image, &limits, wanted, array_len(wanted)), 0);
	assert_int_equal(wanted[0].offset, offsetof(struct first, d));
	assert_int_equal(wanted[1].offset, offsetof(struct second, c));
	assert_int_equal(wanted[2].offset, offsetof(struct first, b));
	assert_int_equal(wanted[3].offset, MEMBERS_UNKNOWN);
	assert_int_equal(wanted[4].offset, MEMBERS_UNKNOWN);
	assert_int_equal(wanted[5].offset, MEMBERS_UNKNOWN);
	assert_int_equal(wanted[6].offset, 0);
}

static void members_lie_where_the_compiler_put_them(void **state)
{
	(void)state;
	compile_write("other.c", "int other(void) { return 1; }\n");
	compile_write("types.c",
		      TEXT(STRUCTURES) ";\nstruct second one;\nint main(void) { return one.c; }\n");
	compile_run("gcc -g -gdwarf-5 -o five other.c types.c");
	compile_run("gcc -g -gdwarf-4 -gz=zlib -o four other.c types.c");
	expect("five");
	expect("four");
}

static void what_cannot_be_read_is_said(void **state)
{
	own(image_freep) struct image *bare = NULL, *image = NULL;
	struct member_wanted wanted = { "first", "d", 7 };

	(void)state;
	compile_run("gcc -o bare types.c");
	bare = compile_image("bare");
	assert_int_equal(members_find(bare, &limits, &wanted, 1), -ENOENT);
	assert_int_equal(wanted.offset, MEMBERS_UNKNOWN);
	image = compile_image("five");
	assert_int_equal(
		members_find(image, &(struct debuginfo_limits){ .bytes = 64u << 20 }, &wanted, 1),
		-ETIME);
	assert_int_equal(
		members_find(image, &(struct debuginfo_limits){ .cpu_ns = 3000000000 }, &wanted, 1),
		-E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_lie_where_the_compiler_put_them),
		cmocka_unit_test(what_cannot_be_read_is_said),
	};

	return compile_clean(test_run(tests));
}
