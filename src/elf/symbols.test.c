/* SPDX-License-Identifier: MIT */
#include "elf/symbols.h"

#include <elf.h>

#include "elf/compile.test.h"
#include "elf/inflate.h"

static const char program[] =
	"#define NOINLINE __attribute__((noinline))\n"
	"NOINLINE int exported(int x) { return x + 1; }\n"
	"NOINLINE static int hidden(int x) { return x + 2; }\n"
	"__attribute__((weak)) NOINLINE int weak(int x) { return x + 3; }\n"
	"NOINLINE int __plain(int x) { return x + 4; }\n"
	"int plain(int x) __attribute__((alias(\"__plain\")));\n"
	"int _plain(int x) __attribute__((weak, alias(\"__plain\")));\n"
	"int data[100];\n"
	"asm(\".text\\n\"\n"
	"    \".balign 64\\n\"\n"
	"    \".globl sized\\n.type sized, @function\\n\"\n"
	"    \"sized: nop; nop; nop; nop\\n.size sized, 4\\n\"\n"
	"    \"nop; nop; nop; nop\\n\" /* nobody's */\n"
	"    \".globl unsized\\n.type unsized, @function\\n\"\n"
	"    \"unsized: nop; nop\\n\"\n"
	"    \"label: nop; nop\\n\"\n"
	"    \".globl outer\\n.type outer, @function\\n\"\n"
	"    \"outer: nop; nop\\n\"\n"
	"    \".type inner, @function\\ninner: nop; nop\\n.size inner, 2\\n\"\n"
	"    \"inside: nop; nop\\n.size outer, 6\\n\"\n"
	"    \".balign 64\\n\");\n"
	"int main(int argc, char **argv) {\n"
	"	return exported(argc) + hidden(argc) + weak(argc) + plain(argc) + data[argc];\n"
	"}\n";

static void build(const char *words)
{
	compile_write("program.c", program);
	compile_run("cc -O1 -g %s -o program program.c", words);
}

static const char *name_at(const struct symbols *symbols, uint64_t address)
{
	static char text[SYMBOL_NAME_BYTES];
	uint32_t name;
	int len;

	if (!symbols_find(symbols, address, &name))
		return NULL;
	len = symbols_name(symbols, name, text);
	assert_true(len > 0);
	assert_int_equal(len, strlen(text));
	return text;
}

#define assert_no_name(symbols, address) assert_null(name_at(symbols, address))

static void expect(const struct symbols *symbols, uint64_t address, const char *name)
{
	const char *got = name_at(symbols, address);

	assert_non_null(got);
	assert_string_equal(got, name);
}

static struct symbols *table_of(const struct image *image, const struct image *debug,
				const struct image *mini)
{
	struct symbols *symbols = NULL;

	assert_int_equal(symbols_new(image, debug, mini, &symbols), 0);
	return symbols;
}

static void names_functions_exactly(void **state)
{
	static const char *const functions[] = { "exported", "hidden", "weak", "main" };
	own(image_freep) struct image *image = NULL;
	own(symbols_freep) struct symbols *symbols = NULL;
	uint64_t sized, outer;

	(void)state;
	build("");
	image = compile_image("program");
	symbols = table_of(image, NULL, NULL);
	for (size_t i = 0; i < array_len(functions); i++)
		expect(symbols, compile_address("program", functions[i]), functions[i]);
	/* Of three names for the same code the plainest. */
	expect(symbols, compile_address("program", "__plain"), "plain");
	sized = compile_address("program", "sized");
	expect(symbols, sized, "sized");
	expect(symbols, sized + 3, "sized");
	assert_no_name(symbols, sized + 4);
	assert_no_name(symbols, sized + 7);
	/* One without a size reaches to the next symbol. */
	expect(symbols, sized + 8, "unsized");
	expect(symbols, sized + 10, "label");
	/* What lies inside wins, and what is around it goes on behind; a label inside is nothing. */
	outer = compile_address("program", "outer");
	expect(symbols, outer, "outer");
	expect(symbols, outer + 2, "inner");
	expect(symbols, outer + 4, "outer");
	assert_no_name(symbols, compile_address("program", "data"));
	assert_no_name(symbols, 0);
	assert_no_name(symbols, UINT64_MAX);
}

static void names_stripped_files_by_what_is_left(void **state)
{
	own(image_freep) struct image *image = NULL, *bare = NULL;
	own(symbols_freep) struct symbols *symbols = NULL, *none = NULL;
	uint64_t exported, hidden;

	(void)state;
	build("-rdynamic");
	exported = compile_address("program", "exported");
	hidden = compile_address("program", "hidden");
	compile_run("strip -o stripped program");
	image = compile_image("stripped");
	symbols = table_of(image, NULL, NULL);
	expect(symbols, exported, "exported");
	assert_no_name(symbols, hidden);
	build("-static");
	hidden = compile_address("program", "hidden");
	compile_run("strip -o stripped program");
	bare = compile_image("stripped");
	none = table_of(bare, NULL, NULL);
	assert_no_name(none, hidden);
}

static void completes_them_from_mini_debuginfo(void **state)
{
	own(image_freep) struct image *image = NULL, *mini = NULL;
	own(symbols_freep) struct symbols *symbols = NULL;
	const struct image_section *section;
	void *bytes;
	size_t len;

	(void)state;
	build("-rdynamic");
	compile_run("objcopy -S --keep-symbol=hidden program mini && xz -f mini && "
		    "strip -o stripped program && "
		    "objcopy --add-section .gnu_debugdata=mini.xz stripped withmini");
	image = compile_image("withmini");
	section = image_find_section(image, ".gnu_debugdata");
	assert_non_null(section);
	assert_int_equal(
		inflate_xz(&image->source, section->offset, section->size, 1 << 20, &bytes, &len),
		0);
	assert_int_equal(image_hold(bytes, len, &mini), 0);
	symbols = table_of(image, NULL, mini);
	expect(symbols, compile_address("program", "exported"), "exported");
	expect(symbols, compile_address("program", "hidden"), "hidden");
}

static void names_by_a_separate_debug_file(void **state)
{
	own(image_freep) struct image *image = NULL, *debug = NULL;
	own(symbols_freep) struct symbols *symbols = NULL;

	(void)state;
	build("");
	compile_run("objcopy --only-keep-debug program program.debug && strip -o stripped program");
	image = compile_image("stripped");
	debug = compile_image("program.debug");
	symbols = table_of(image, debug, NULL);
	expect(symbols, compile_address("program", "hidden"), "hidden");
	expect(symbols, compile_address("program", "main"), "main");
}

static void names_32_bit_files(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(symbols_freep) struct symbols *symbols = NULL;

	(void)state;
	compile_write("small.c",
		      "static __attribute__((noinline)) int one(int x) { return x + 1; }\n"
		      "int _start(int x) { return one(x); }\n");
	if (!compile_try("cc -m32 -O1 -nostdlib -static -o small small.c"))
		test_skip("this compiler makes no 32-bit files");
	image = compile_image("small");
	symbols = table_of(image, NULL, NULL);
	expect(symbols, compile_address("small", "one"), "one");
	expect(symbols, compile_address("small", "_start"), "_start");
}

/* The version of a symbol is no part of its name, and names of any length come out. */
static void cuts_versions_and_long_names(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(symbols_freep) struct symbols *symbols = NULL;
	char source[8000], longest[2001];
	const char *got;

	(void)state;
	memset(longest, 'n', 2000);
	longest[2000] = '\0';
	snprintf(source, sizeof(source),
		 "int %s(void) { return 1; }\n"
		 "int versioned_code(void) { return 2; }\n"
		 "asm(\".symver versioned_code, versioned@@V1\");\n",
		 longest);
	compile_write("lib.c", source);
	compile_write("lib.map", "V1 { global: *; };\n");
	compile_run("cc -shared -fPIC -Wl,--version-script=lib.map -o lib.so lib.c");
	image = compile_image("lib.so");
	symbols = table_of(image, NULL, NULL);
	got = name_at(symbols, compile_address("lib.so", longest));
	assert_int_equal(strlen(got), SYMBOL_NAME_BYTES - 1);
	assert_string_equal(got + SYMBOL_NAME_BYTES - 4, "...");
	expect(symbols, compile_address("lib.so", "versioned@@V1"), "versioned");
}

/* Not a wrong name: none, or an error. */
static void makes_nothing_of_damaged_tables(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct symbols *symbols = NULL;
	struct image_section *section;
	uint32_t link;

	(void)state;
	build("");
	image = compile_image("program");
	section = (struct image_section *)image_find_type(image, SHT_SYMTAB);
	assert_non_null(section);
	link = section->link;
	section->link = 0;
	assert_int_equal(symbols_new(image, NULL, NULL, &symbols), -EBADMSG);
	section->link = 60000;
	assert_int_equal(symbols_new(image, NULL, NULL, &symbols), -EBADMSG);
	section->link = link;
	image->sections.data[link].offset = image->source.len;
	assert_int_equal(symbols_new(image, NULL, NULL, &symbols), -EBADMSG);
	image->sections.data[link].offset = 0;
	image->sections.data[link].size = 1; /* no name lies in it */
	assert_int_equal(symbols_new(image, NULL, NULL, &symbols), 0);
	assert_no_name(symbols, compile_address("program", "main"));
	symbols_free(symbols);
}

struct listed {
	uint64_t address, size;
	char name[120];
};

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

/* Whether nm lists the name for the address of `listed`, which is in order. */
static bool is_listed(const struct listed *all, size_t len, const struct listed *listed,
		      const char *name)
{
	const struct listed *at = listed;

	while (at > all && at[-1].address == listed->address)
		at--;
	for (; at < all + len && at->address == listed->address; at++)
		if (strcmp(at->name, name) == 0)
			return true;
	return false;
}

/* Every function that nm lists in the C library, at its first and its last byte: its own name, or
 * another that nm lists there.
 */
static void agrees_with_nm_about_the_c_library(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(symbols_freep) struct symbols *symbols = NULL;
	vec(struct listed) all = { 0 };
	char line[512];
	FILE *out;

	(void)state;
	compile_run("cp -L \"$(ldd /bin/true | sed -n 's/.*=> \\(.*libc.so.6\\).*/\\1/p')\" libc");
	image = compile_image("libc");
	symbols = table_of(image, NULL, NULL);
	out = compile_read("nm -D -S --defined-only libc");
	while (fgets(line, sizeof(line), out)) {
		struct listed at;
		char type;

		if (sscanf(line, "%" SCNx64 " %" SCNx64 " %c %119[^@\n]", &at.address, &at.size,
			   &type, at.name) == 4 &&
		    strchr("tTwWi", type) && at.size)
			assert_int_equal(vec_push(&all, at), 0);
	}
	pclose(out);
	assert_true(all.len > 1000);
	qsort(all.data, all.len, sizeof(*all.data), compare_listed);
	vec_each(at, &all) {
		const char *name = name_at(symbols, at->address);

		assert_non_null(name);
		assert_true(is_listed(all.data, all.len, at, name));
		assert_non_null(name_at(symbols, at->address + at->size - 1));
	}
	vec_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_functions_exactly),
		cmocka_unit_test(names_stripped_files_by_what_is_left),
		cmocka_unit_test(completes_them_from_mini_debuginfo),
		cmocka_unit_test(names_by_a_separate_debug_file),
		cmocka_unit_test(names_32_bit_files),
		cmocka_unit_test(cuts_versions_and_long_names),
		cmocka_unit_test(makes_nothing_of_damaged_tables),
		cmocka_unit_test(agrees_with_nm_about_the_c_library),
	};

	return compile_clean(test_run(tests));
}
