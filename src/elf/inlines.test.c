/* SPDX-License-Identifier: MIT */
/* Programs whose chains are known because the source says them: a label in the assembly of the
 * innermost function marks an address, and comments in the source mark the lines.
 */
#include "elf/inlines.h"

#include "elf/compile.test.h"
#include "elf/lines.h"

static const struct debuginfo_limits limits = { .bytes = 64u << 20, .cpu_ns = 3000000000 };

static const char program[] =
	"#define INLINE static inline __attribute__((always_inline))\n" /* 1 */
	"INLINE int inner(int x) {\n"                                   /* 2 */
	"	asm volatile(\".globl marker\\nmarker: nop\");\n"       /* 3 */
	"	return x;\n"                                            /* 4 */
	"}\n"                                                           /* 5 */
	"INLINE int middle(int x) {\n"                                  /* 6 */
	"	{ int y = x; { x += inner(y); } }\n"                    /* 7 */
	"	return x;\n"                                            /* 8 */
	"}\n"                                                           /* 9 */
	"__attribute__((noinline)) int outer(int x) {\n"                /* 10 */
	"	return middle(x) + 1;\n"                                /* 11 */
	"}\n"                                                           /* 12 */
	"int main(int argc, char **argv) {\n"                           /* 13 */
	"	asm volatile(\".globl plain\\nplain: nop\");\n"         /* 14 */
	"	return outer(argc);\n"                                  /* 15 */
	"}\n";

struct expected {
	const char *name;
	uint32_t line;
};

static void expect(struct inlines *inlines, uint64_t address, const struct expected *frames,
		   uint32_t len, const char *file)
{
	struct inline_chain chain;
	char text[1024];

	assert_int_equal(inlines_find(inlines, address, &chain), 0);
	assert_int_equal(chain.len, len);
	for (uint32_t i = 0; i < len; i++) {
		assert_true(inlines_name(inlines, chain.frames[i].name, text, sizeof(text)) > 0);
		assert_string_equal(text, frames[i].name);
		assert_int_equal(chain.frames[i].line, frames[i].line);
		assert_true(inlines_source(inlines, chain.unit, chain.frames[i].file, text,
					   sizeof(text)) > 0);
		assert_string_equal(strrchr(text, '/') + 1, file);
		assert_int_equal(text[0], '/');
	}
}

static const struct expected at_marker[] = { { "outer", 11 }, { "middle", 7 }, { "inner", 3 } };
static const struct expected at_plain[] = { { "main", 14 } };

static void check_program(const char *name, const char *debug_name)
{
	own(image_freep) struct image *image = compile_image(name);
	own(image_freep) struct image *debug = compile_image(debug_name);
	own(inlines_freep) struct inlines *inlines = NULL;
	struct inline_chain chain;

	assert_int_equal(inlines_new(debug, image, &limits, &inlines), 0);
	expect(inlines, compile_address(debug_name, "marker"), at_marker, 3, "program.c");
	expect(inlines, compile_address(debug_name, "plain"), at_plain, 1, "program.c");
	assert_int_equal(inlines_find(inlines, compile_address(debug_name, "_start"), &chain), 0);
	assert_int_equal(chain.len, 0);
	assert_int_equal(inlines_find(inlines, 0, &chain), 0);
	assert_int_equal(chain.len, 0);
	assert_int_equal(inlines_find(inlines, UINT64_MAX, &chain), 0);
	assert_int_equal(chain.len, 0);
	assert_int_equal(inlines_refused(inlines), 0);
	assert_true(inlines_bytes(inlines) > 0);
}

static void reads_what_compilers_write(void **state)
{
	static const char *const commands[] = {
		"cc -gdwarf-5",
		"cc -gdwarf-4",
		"cc -gdwarf-3",
		"cc -gdwarf-2",
		"cc -gdwarf-5 -gdwarf64",
		"cc -gdwarf-5 -gz=zlib",
		"cc -gdwarf-4 -gz=zlib-gnu",
		"cc -gdwarf-4 -fdebug-types-section",
		"cc -gdwarf-5 -ffunction-sections -Wl,--gc-sections",
		"cc -gdwarf-5 -flto",
		"clang-14 -gdwarf-5",
		"clang-14 -gdwarf-4",
		"clang-14 -gdwarf-4 -fno-integrated-as",
		"clang-14 -gdwarf-5 -fuse-ld=lld -Wl,--gc-sections -ffunction-sections",
	};

	(void)state;
	compile_write("program.c", program);
	for (size_t i = 0; i < array_len(commands); i++) {
		if (strncmp(commands[i], "clang", 5) == 0 && !compile_try("command -v clang-14"))
			continue;
		compile_run("%s -O2 -o program program.c", commands[i]);
		check_program("program", "program");
	}
}

static void reads_a_separate_debug_file(void **state)
{
	(void)state;
	compile_write("program.c", program);
	compile_run("cc -g -O2 -o program program.c && objcopy --only-keep-debug program debug && "
		    "strip -o stripped program");
	check_program("stripped", "debug");
}

static void reads_32_bit_files(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(inlines_freep) struct inlines *inlines = NULL;
	static const struct expected frames[] = { { "_start", 4 }, { "inner", 2 } };

	(void)state;
	compile_write("small.c", "static inline __attribute__((always_inline)) int inner(int x) {\n"
				 "	asm volatile(\".globl marker\\nmarker: nop\"); return x;\n"
				 "}\n"
				 "int _start(int x) { return inner(x); }\n");
	if (!compile_try("cc -m32 -g -O1 -nostdlib -static -o small small.c"))
		test_skip("this compiler makes no 32-bit files");
	image = compile_image("small");
	assert_int_equal(inlines_new(image, image, &limits, &inlines), 0);
	expect(inlines, compile_address("small", "marker"), frames, 2, "small.c");
}

/* Linkage names, so that they can be demangled like symbols; namespaces, classes, and a lambda. */
static void names_what_cpp_writes(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(inlines_freep) struct inlines *inlines = NULL;
	static const struct expected
		frames[] = { { "_Z5outeri", 10 },
			     { "_ZN2ns1CIiE4callEi", 5 },
			     { "leaf", 1 } /* a static function has no linkage name */ };

	(void)state;
	compile_write(
		"program.cc",
		"namespace ns { static inline __attribute__((always_inline)) int leaf(int x) { asm volatile(\".globl marker\\nmarker: nop\"); return x; }\n"
		"template <class T> struct C {\n"
		"	T kept;\n"
		"	__attribute__((always_inline)) T call(T x) {\n"
		"		return leaf(x) + kept;\n"
		"	}\n"
		"}; }\n"
		"__attribute__((noinline)) int outer(int x) {\n"
		"	ns::C<int> c = { x };\n"
		"	return c.call(x);\n"
		"}\n"
		"int main(int argc, char **) { return outer(argc); }\n");
	if (!compile_try("command -v g++"))
		test_skip("no g++");
	compile_run("g++ -g -O2 -o program program.cc");
	image = compile_image("program");
	assert_int_equal(inlines_new(image, image, &limits, &inlines), 0);
	expect(inlines, compile_address("program", "marker"), frames, 3, "program.cc");
}

static void says_when_there_is_none(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct inlines *inlines = NULL;

	(void)state;
	compile_write("program.c", program);
	compile_run("cc -g0 -o program program.c");
	image = compile_image("program");
	assert_int_equal(inlines_new(image, image, &limits, &inlines), -ENOENT);
}

/* A limit is no failure: the chain is empty, and what was refused is counted. */
static void keeps_to_its_limits(void **state)
{
	static const struct debuginfo_limits no_time = { .bytes = 64u << 20, .cpu_ns = 0 };
	static const struct debuginfo_limits no_room = { .bytes = 4096, .cpu_ns = 3000000000 };
	own(image_freep) struct image *image = NULL;
	own(inlines_freep) struct inlines *inlines = NULL;
	struct inlines *none = NULL;
	struct inline_chain chain;

	(void)state;
	compile_write("program.c", program);
	compile_run("cc -g -O2 -o program program.c");
	image = compile_image("program");
	assert_int_equal(inlines_new(image, image, &no_time, &inlines), 0);
	assert_int_equal(inlines_find(inlines, compile_address("program", "marker"), &chain), 0);
	assert_int_equal(chain.len, 0);
	assert_true(inlines_refused(inlines) > 0);
	compile_run("cc -g -gz=zlib -O2 -o program program.c");
	image_free(take(image));
	image = compile_image("program");
	assert_int_equal(inlines_new(image, image, &no_room, &none), -E2BIG);
}

/* Calls in calls in calls, deeper than is followed: the rest counts as its caller's. */
static void cuts_what_is_too_deep(void **state)
{
	enum {
		DEPTH = INLINES_MAX_DEPTH + 20
	};
	own(image_freep) struct image *image = NULL;
	own(inlines_freep) struct inlines *inlines = NULL;
	struct inline_chain chain;
	char source[16384], text[64];
	size_t len;

	(void)state;
	len = (size_t)sprintf(source,
			      "#define I static inline __attribute__((always_inline)) int\n"
			      "I f0(int x) { asm volatile(\".globl marker\\nmarker: nop\"); "
			      "return x; }\n");
	for (unsigned i = 1; i < DEPTH; i++)
		len += (size_t)sprintf(source + len, "I f%u(int x) { return f%u(x); }\n", i, i - 1);
	sprintf(source + len, "int main(int argc, char **argv) { return f%u(argc); }\n", DEPTH - 1);
	compile_write("deep.c", source);
	compile_run("cc -g -O2 -o deep deep.c");
	image = compile_image("deep");
	assert_int_equal(inlines_new(image, image, &limits, &inlines), 0);
	assert_int_equal(inlines_find(inlines, compile_address("deep", "marker"), &chain), 0);
	assert_int_equal(chain.len, INLINES_MAX_DEPTH);
	assert_true(inlines_name(inlines, chain.frames[0].name, text, sizeof(text)) > 0);
	assert_string_equal(text, "main");
	assert_true(inlines_name(inlines, chain.frames[1].name, text, sizeof(text)) > 0);
	assert_string_equal(text, "f83");
	assert_true(inlines_refused(inlines) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_compilers_write),
		cmocka_unit_test(reads_a_separate_debug_file),
		cmocka_unit_test(reads_32_bit_files),
		cmocka_unit_test(names_what_cpp_writes),
		cmocka_unit_test(says_when_there_is_none),
		cmocka_unit_test(keeps_to_its_limits),
		cmocka_unit_test(cuts_what_is_too_deep),
	};

	return compile_clean(test_run(tests));
}
