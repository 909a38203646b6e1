/* SPDX-License-Identifier: MIT */
#include "elf/lines.h"

#include <dwarf.h>

#include "elf/compile.test.h"

static const struct debuginfo_limits limits = { .bytes = 64u << 20, .cpu_ns = 3000000000 };

static const char program[] = "#include \"folder/part.h\"\n"
			      "__attribute__((section(\".text.zzz\"))) int far(int x) {\n"
			      "	return x * 3;\n"
			      "}\n"
			      "int near(int x) {\n"
			      "	int sum = 0;\n"
			      "	for (int i = 0; i < x; i++)\n"
			      "		sum += part(i) + far(x);\n"
			      "	return sum;\n"
			      "}\n"
			      "__attribute__((section(\".text.aaa\"))) int first(int x) {\n"
			      "	return near(x) + 1;\n"
			      "}\n"
			      "int main(int argc, char **argv) {\n"
			      "	switch (argc) {\n"
			      "	case 1: return near(argc);\n"
			      "	case 2: return first(argc);\n"
			      "	default: return part(far(argc));\n"
			      "	}\n"
			      "}\n";

static void build(const char *words)
{
	compile_run("mkdir -p folder");
	compile_write("folder/part.h", "static int part(int x) {\n"
				       "	if (x > 3)\n"
				       "		return x + 1;\n"
				       "	return x - 1;\n"
				       "}\n");
	compile_write("program.c", program);
	compile_run("cc %s -o program program.c", words);
}

/* The lines of the unit that has them: the start files of the C library have none. */
static void read_lines(struct debuginfo *debuginfo, const struct image *image, struct lines *lines)
{
	for (uint32_t i = 0; i < debuginfo->units.len; i++) {
		Dwarf_Attribute attribute;
		Dwarf_Word offset;
		Dwarf_Die root;

		if (debuginfo_root(debuginfo, i, &root) != 0 ||
		    !dwarf_attr(&root, DW_AT_stmt_list, &attribute))
			continue;
		assert_int_equal(dwarf_formudata(&attribute, &offset), 0);
		assert_int_equal(lines_read(debuginfo, image, offset,
					    debuginfo_text_of(debuginfo, &root, DW_AT_comp_dir),
					    lines),
				 0);
		return;
	}
	test_fail();
}

struct told { /* by addr2line */
	char path[512];
	uint32_t line;
};

static struct told ask_addr2line(FILE *out)
{
	struct told told = { "", 0 };
	char text[600], *colon;

	assert_non_null(fgets(text, sizeof(text), out));
	colon = strrchr(text, ':');
	assert_non_null(colon);
	*colon = '\0';
	snprintf(told.path, sizeof(told.path), "%.511s", text);
	told.line = (uint32_t)strtoul(colon + 1, NULL, 10);
	return told;
}

/* Every byte of every function, and some around them. */
static void compare_with_addr2line(void)
{
	own(image_freep) struct image *image = compile_image("program");
	own(debuginfo_closep) struct debuginfo *debuginfo = NULL;
	const struct image_section *text = image_find_section(image, ".text");
	uint64_t part = compile_address("program", "part"), far = compile_address("program", "far");
	struct lines lines = { 0 };
	unsigned known = 0;
	char command[200];
	FILE *out;

	assert_non_null(text);
	assert_int_equal(debuginfo_open(image, &limits, &debuginfo), 0);
	debuginfo_start(debuginfo);
	read_lines(debuginfo, image, &lines);
	debuginfo_stop(debuginfo);
	assert_true(lines_bytes(&lines) > 0);
	snprintf(command, sizeof(command),
		 "seq -f %%.0f %" PRIu64 " %" PRIu64
		 " | xargs printf '%%x\\n' | addr2line -e program",
		 text->address, text->address + text->size - 1);
	out = compile_read(command);
	for (uint64_t at = text->address; at < text->address + text->size; at++) {
		const struct line_row *row = lines_find(&lines, (uint32_t)(at - image->base));
		struct told told = ask_addr2line(out);
		char path[1024] = "??";

		if (row && row->file == LINES_NO_FILE)
			row = NULL;
		assert_int_equal(row ? row->line : 0, told.line);
		if (!row)
			continue;
		known++;
		assert_true(lines_path(debuginfo, &lines, row->file, path, sizeof(path)) > 0);
		/* addr2line of binutils 2.40 mistakes the first file of DWARF 5 for another. */
		if (lines.first_file == 1)
			assert_string_equal(strrchr(path, '/'), strrchr(told.path, '/'));
		if (at == part)
			assert_non_null(strstr(path, "/folder/part.h"));
		if (at == far)
			assert_non_null(strstr(path, "/program.c"));
		assert_true(path[0] == '/');
	}
	pclose(out);
	assert_true(known > 100);
	lines_done(&lines);
}

static void agrees_with_addr2line(void **state)
{
	static const char *const words[] = {
		"-O0 -gdwarf-5",         "-O0 -gdwarf-4",
		"-O0 -gdwarf-3",         "-O0 -gdwarf-2",
		"-O0 -gdwarf-5 -gz", /* not -gdwarf64: addr2line of binutils 2.40 cannot read it */
		"-O0 -gdwarf-5 -no-pie", "-O0 -gdwarf-5 -gno-as-loc-support",
	};

	(void)state;
	for (size_t i = 0; i < array_len(words); i++) {
		build(words[i]);
		compare_with_addr2line();
	}
}

static void knows_no_path_for_other_numbers(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(debuginfo_closep) struct debuginfo *debuginfo = NULL;
	struct lines lines = { 0 };
	char path[256];

	(void)state;
	build("-O0 -g");
	image = compile_image("program");
	assert_int_equal(debuginfo_open(image, &limits, &debuginfo), 0);
	debuginfo_start(debuginfo);
	read_lines(debuginfo, image, &lines);
	debuginfo_stop(debuginfo);
	assert_int_equal(lines_path(debuginfo, &lines, 12345, path, sizeof(path)), -ENOENT);
	assert_int_equal(lines_path(debuginfo, &lines, LINES_NO_FILE, path, sizeof(path)), -ENOENT);
	assert_int_equal(lines_path(debuginfo, &lines, lines.first_file, path, 10), 9);
	assert_null(lines_find(&lines, 0));
	assert_null(lines_find(&lines, UINT32_MAX));
	lines_done(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_addr2line),
		cmocka_unit_test(knows_no_path_for_other_numbers),
	};

	return compile_clean(test_run(tests));
}
