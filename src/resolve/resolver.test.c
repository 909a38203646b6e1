/* SPDX-License-Identifier: MIT */
/* Profiles made by hand, and an opener that serves files that the test has compiled or written. */
#include "resolve/resolver.h"

#include <elf.h>
#include <sys/auxv.h>

#include "elf/compile.test.h"

static const char program[] =
	"__attribute__((noinline)) int callee(int x) { return x + 1; }\n"
	"__attribute__((noinline)) int other(int x) { return x + 2; }\n"
	"static inline __attribute__((always_inline)) int inlined(int x) {\n"
	"	asm volatile(\".globl marker\\nmarker: nop\"); return callee(x) + x;\n"
	"}\n"
	"int main(int argc, char **argv) { return inlined(argc) + other(argc); }\n";

#define MAX_FILES 8u

/* What the opener has: by number of the file, and one of each of the rest. */
struct stock {
	const char *files[MAX_FILES]; /* names in the folder; NULL: `err` */
	int err;
	const char *perf_map, *kallsyms;
	unsigned opened;
};

static int serve(struct stock *stock, const char *name)
{
	if (!name)
		return stock->err;
	stock->opened++;
	return compile_open(name);
}

static int open_file(void *context, const struct profile *profile, uint32_t file)
{
	struct stock *stock = context;

	(void)profile;
	assert_true(file < MAX_FILES);
	return serve(stock, stock->files[file]);
}

static int open_beside(void *context, const struct profile *profile, uint32_t file,
		       const char *path)
{
	(void)context;
	(void)profile;
	(void)file;
	assert_int_equal(path[0], '/');
	return -ENOENT;
}

static int open_perf_map(void *context, const struct profile *profile, uint32_t process)
{
	(void)profile;
	(void)process;
	return serve(context, ((struct stock *)context)->perf_map);
}

static int open_no_jitdump(void *context, const struct profile *profile, uint32_t process)
{
	(void)context;
	(void)profile;
	(void)process;
	return -ENOENT;
}

static int open_kallsyms(void *context)
{
	return serve(context, ((struct stock *)context)->kallsyms);
}

static int open_own_vdso(void *context)
{
	const Elf64_Ehdr *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);

	(void)context;
	return vdso ? test_file(vdso, vdso->e_shoff + (size_t)vdso->e_shnum * vdso->e_shentsize)
		    : -ENOENT;
}

struct setting {
	struct stock stock;
	struct profile *profile;
	struct resolver *resolver;
};

static struct setting *set(const struct resolver_options *options)
{
	static struct setting setting;
	struct opener opener = {
		.context = &setting.stock,
		.open_file = open_file,
		.open_beside = open_beside,
		.open_perf_map = open_perf_map,
		.open_jitdump = open_no_jitdump,
		.open_kallsyms = open_kallsyms,
		.open_vdso = open_own_vdso,
	};

	setting = (struct setting){ .stock.err = -ENOENT };
	assert_int_equal(profile_new(&setting.profile), 0);
	assert_int_equal(resolver_new(options, &opener, &setting.resolver), 0);
	return &setting;
}

static void unset(struct setting *setting)
{
	resolver_free(setting->resolver);
	profile_free(setting->profile);
}

static uint32_t add_file(struct setting *setting, const char *path, const char *served)
{
	struct file file = { .device = 1, .inode = 100 + setting->profile->files.len };
	uint32_t number;

	if (path[0] == '[')
		file.device = file.inode = 0;
	assert_int_equal(profile_add_text(setting->profile, path, &file.path), 0);
	assert_int_equal(profile_add_file(setting->profile, &file, &number), 0);
	setting->stock.files[number] = served;
	return number;
}

static uint32_t add_frame(struct setting *setting, enum frame_kind kind, uint32_t origin,
			  uint64_t address, bool is_return_address)
{
	struct frame frame = { .kind = (uint8_t)kind,
			       .origin = origin,
			       .address = address,
			       .is_return_address = is_return_address };
	uint32_t number;

	assert_int_equal(profile_add_frame(setting->profile, &frame, &number), 0);
	return number;
}

/* The offset in a file of an address that nm prints. */
static uint64_t offset_of(const char *name, uint64_t address)
{
	own(image_freep) struct image *image = compile_image(name);

	vec_each(segment, &image->segments)
		if (segment->executable && address >= segment->address &&
		    address - segment->address < segment->file_bytes)
			return segment->offset + (address - segment->address);
	test_fail();
	return 0;
}

static void name_all(struct setting *setting)
{
	assert_int_equal(resolver_name(setting->resolver, setting->profile), 0);
	vec_each(frame, &setting->profile->frames)
		assert_true(frame->name_count > 0);
}

static const struct name *name_of(const struct setting *setting, uint32_t frame, uint32_t which)
{
	const struct frame *at = &setting->profile->frames.data[frame];

	assert_true(which < at->name_count);
	return &setting->profile->names.data[at->first_name + which];
}

static void expect(const struct setting *setting, uint32_t frame, uint32_t which,
		   const char *function, const char *module)
{
	const struct name *name = name_of(setting, frame, which);

	assert_string_equal(profile_text(setting->profile, name->function), function);
	assert_string_equal(profile_text(setting->profile, name->module), module);
}

/* Whether a sentence about what is missing holds these words. */
static bool tells(struct setting *setting, const char *words)
{
	vec_each(lack, &setting->profile->coverage.not_measured)
		if (strstr(*lack, words))
			return true;
	return false;
}

static void report(struct setting *setting)
{
	assert_int_equal(resolver_report(setting->resolver, setting->profile), 0);
}

static void build(const char *name, const char *words)
{
	char source[80];

	snprintf(source, sizeof(source), "%s.c", name);
	compile_write(source, program);
	compile_run("cc -O1 -g %s -o %s %s", words, name, source);
}

static void names_user_code_with_inlined_calls(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t file, callee, marker;

	(void)state;
	build("program", "");
	file = add_file(setting, "/usr/bin/program (deleted)", "program");
	callee = add_frame(setting, FRAME_USER, file,
			   offset_of("program", compile_address("program", "callee")), false);
	marker = add_frame(setting, FRAME_USER, file,
			   offset_of("program", compile_address("program", "marker")), false);
	name_all(setting);
	expect(setting, callee, 0, "callee", "program");
	assert_int_equal(name_of(setting, callee, 0)->line, 1);
	expect(setting, marker, 0, "main", "program");
	expect(setting, marker, 1, "inlined", "program");
	assert_int_equal(name_of(setting, marker, 0)->line, 6);
	assert_int_equal(name_of(setting, marker, 1)->line, 4);
	assert_false(name_of(setting, marker, 0)->is_inlined);
	assert_true(name_of(setting, marker, 1)->is_inlined);
	assert_non_null(strstr(profile_text(setting->profile, name_of(setting, marker, 1)->source),
			       "program.c"));
	assert_int_equal(
		strlen(profile_text(setting->profile, setting->profile->files.data[file].build_id)),
		40);
	report(setting);
	assert_int_equal(setting->profile->coverage.not_measured.len, 0);
	unset(setting);
}

static void leaves_out_inlined_calls_on_request(void **state)
{
	struct resolver_options options = { .no_inline = true };
	struct setting *setting = set(&options);
	uint32_t file, marker;

	(void)state;
	build("program", "");
	file = add_file(setting, "/program", "program");
	marker = add_frame(setting, FRAME_USER, file,
			   offset_of("program", compile_address("program", "marker")), false);
	name_all(setting);
	assert_int_equal(setting->profile->frames.data[marker].name_count, 1);
	expect(setting, marker, 0, "main", "program");
	unset(setting);
}

/* The call is in front of the address: a function that ends in a call is still the caller. */
static void a_return_address_belongs_to_the_call(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t file, as_return, as_place;
	uint64_t second;

	(void)state;
	compile_write("calls.c", "asm(\".text\\n.type first, @function\\nfirst: call stop\\n\"\n"
				 "    \".size first, .-first\\n.type second, @function\\n\"\n"
				 "    \"second: ret\\n.size second, .-second\\n\");\n"
				 "void stop(void) { for (;;); }\n"
				 "int main(void) { return 0; }\n");
	compile_run("cc -g0 -o calls calls.c");
	second = offset_of("calls", compile_address("calls", "second"));
	file = add_file(setting, "/calls", "calls");
	as_return = add_frame(setting, FRAME_USER, file, second, true);
	as_place = add_frame(setting, FRAME_USER, file, second, false);
	name_all(setting);
	expect(setting, as_return, 0, "first", "calls");
	expect(setting, as_place, 0, "second", "calls");
	unset(setting);
}

static void says_why_a_file_has_no_names(void **state)
{
	static const struct {
		int err;
		const char *words;
	} causes[] = { { -ENOENT, "the file is gone" },
		       { -ESTALE, "the file was replaced since" },
		       { -EACCES, "not permitted" } };

	(void)state;
	for (size_t i = 0; i < array_len(causes); i++) {
		struct setting *setting = set(NULL);
		uint32_t file = add_file(setting, "/lib/gone.so", NULL);
		uint32_t frame = add_frame(setting, FRAME_USER, file, 0x1234, true);

		setting->stock.err = causes[i].err;
		name_all(setting);
		expect(setting, frame, 0, "[gone.so+0x1234]", "gone.so");
		assert_true(name_of(setting, frame, 0)->is_address);
		report(setting);
		assert_true(tells(setting, "names of 1 address in /lib/gone.so"));
		assert_true(tells(setting, causes[i].words));
		unset(setting);
	}
}

static void gives_addresses_where_no_symbol_is(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t file, frame, script, text;
	uint64_t main_at;
	char expected[64];

	(void)state;
	build("program", "-s");
	build("whole", "");
	compile_write("script", "#!/bin/sh\n");
	main_at = compile_address("whole", "main");
	file = add_file(setting, "/bin/program", "program");
	script = add_file(setting, "/bin/script", "script");
	frame = add_frame(setting, FRAME_USER, file, offset_of("whole", main_at), false);
	text = add_frame(setting, FRAME_USER, script, 5, false);
	name_all(setting);
	/* What addr2line takes, not the place in the file. */
	snprintf(expected, sizeof(expected), "[program+0x%" PRIx64 "]", main_at);
	expect(setting, frame, 0, expected, "program");
	expect(setting, text, 0, "[script+0x5]", "script");
	report(setting);
	assert_true(tells(setting, "/bin/program: no symbol is there"));
	assert_true(tells(setting, "/bin/script: no ELF file"));
	unset(setting);
}

/* Two paths with one build-id share what is built; a third that only claims the id does not. */
static void shares_tables_by_build_id(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t frames[3], files[3];
	const char *paths[] = { "/one/program", "/two/program", "/three/liar" };

	(void)state;
	build("program", "-Wl,--build-id=0xfeedfeed");
	compile_write("liar.c", "int wrong(void) { return 1; }\n"
				"int main(int argc, char **argv) { return wrong(); }\n");
	compile_run("cc -O0 -g -Wl,--build-id=0xfeedfeed -o liar liar.c");
	for (unsigned i = 0; i < 3; i++) {
		const char *name = i < 2 ? "program" : "liar";

		files[i] = add_file(setting, paths[i], name);
		frames[i] = add_frame(
			setting, FRAME_USER, files[i],
			offset_of(name, compile_address(name, i < 2 ? "callee" : "wrong")), false);
	}
	name_all(setting);
	expect(setting, frames[0], 0, "callee", "program");
	expect(setting, frames[1], 0, "callee", "program");
	expect(setting, frames[2], 0, "wrong", "liar");
	assert_int_equal(setting->stock.opened, 3);
	/* What is named later asks the same tables: nothing is opened again. */
	frames[0] = add_frame(setting, FRAME_USER, files[0],
			      offset_of("program", compile_address("program", "other")), false);
	name_all(setting);
	expect(setting, frames[0], 0, "other", "program");
	assert_int_equal(setting->stock.opened, 3);
	unset(setting);
}

static void forgets_tables_beyond_its_ceiling(void **state)
{
	struct resolver_options options = { .table_bytes = 1 };
	struct setting *setting = set(&options);
	uint32_t file, frame;

	(void)state;
	build("program", "");
	file = add_file(setting, "/program", "program");
	add_frame(setting, FRAME_USER, file,
		  offset_of("program", compile_address("program", "callee")), false);
	name_all(setting);
	frame = add_frame(setting, FRAME_USER, file,
			  offset_of("program", compile_address("program", "other")), false);
	name_all(setting);
	expect(setting, frame, 0, "other", "program");
	assert_int_equal(setting->stock.opened, 2);
	unset(setting);
}

static void names_the_kernel(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t first, module, beyond;

	(void)state;
	compile_write("kallsyms", "ffffffff81000000 T first\nffffffff81000100 t second\n"
				  "ffffffffc0201000 t nf_hook\t[nf_tables]\n");
	setting->stock.kallsyms = "kallsyms";
	first = add_frame(setting, FRAME_KERNEL, 0, 0xffffffff81000100, true);
	module = add_frame(setting, FRAME_KERNEL, 0, 0xffffffffc0201004, false);
	beyond = add_frame(setting, FRAME_KERNEL, 0, 0xffffffff80000000, false);
	name_all(setting);
	expect(setting, first, 0, "first", "[kernel]");
	expect(setting, module, 0, "nf_hook [nf_tables]", "[kernel]");
	expect(setting, beyond, 0, "[kernel+0xffffffff80000000]", "[kernel]");
	report(setting);
	assert_true(tells(setting, "names of 1 address of the kernel"));
	unset(setting);
}

static void says_that_kernel_addresses_are_hidden(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t frame = add_frame(setting, FRAME_KERNEL, 0, 0xffffffff81000100, true);

	(void)state;
	compile_write("kallsyms", "0000000000000000 T first\n0000000000000000 t second\n");
	setting->stock.kallsyms = "kallsyms";
	name_all(setting);
	expect(setting, frame, 0, "[kernel+0xffffffff81000100]", "[kernel]");
	report(setting);
	assert_true(tells(setting, "kptr_restrict"));
	unset(setting);
}

static uint32_t add_process(struct setting *setting)
{
	struct process process = { .pid = 7 };
	uint32_t number;

	assert_int_equal(profile_add_text(setting->profile, "runtime", &process.name), 0);
	assert_int_equal(profile_add_process(setting->profile, &process, &number), 0);
	return number;
}

static void names_code_made_at_run_time(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t process = add_process(setting), last, mangled, unknown;

	(void)state;
	compile_write("map", "1000 10 LazyCompile:*go\n2000 10 _ZN3foo3barEi\n");
	setting->stock.perf_map = "map";
	last = add_frame(setting, FRAME_JIT, process, 0x1010, true);
	mangled = add_frame(setting, FRAME_JIT, process, 0x2000, false);
	unknown = add_frame(setting, FRAME_JIT, process, 0x1010, false);
	name_all(setting);
	expect(setting, last, 0, "LazyCompile:*go", "[jit]");
	expect(setting, mangled, 0, "foo::bar", "[jit]");
	expect(setting, unknown, 0, "[jit+0x1010]", "[jit]");
	report(setting);
	assert_true(tells(setting, "names of 1 address of code made at run time by runtime"));
	unset(setting);
}

static void names_marks_the_unknown_and_the_vdso(void **state)
{
	struct setting *setting = set(NULL);
	uint32_t mark, unknown, vdso, text, file, process = add_process(setting);
	own(image_freep) struct image *image = NULL;
	bool found = false;

	(void)state;
	assert_int_equal(profile_add_text(setting->profile, "[truncated]", &text), 0);
	mark = add_frame(setting, FRAME_MARK, text, 0, false);
	unknown = add_frame(setting, FRAME_UNKNOWN, process, 0x5555, false);
	file = add_file(setting, "[vdso]", NULL);
	assert_int_equal(image_open(open_own_vdso(NULL), &image), 0);
	assert_true(image->code.len > 0);
	for (uint64_t at = image->code.data[0].start; at < image->code.data[0].end; at += 16)
		add_frame(setting, FRAME_USER, file, at, false);
	vdso = add_frame(setting, FRAME_USER, file, image->code.data[0].start, false);
	name_all(setting);
	expect(setting, mark, 0, "[truncated]", "");
	expect(setting, unknown, 0, "[unknown]", "");
	expect(setting, vdso, 0,
	       profile_text(setting->profile, name_of(setting, vdso, 0)->function), "[vdso]");
	vec_each(frame, &setting->profile->frames)
		found |= frame->kind == FRAME_USER &&
			 strstr(profile_text(
					setting->profile,
					setting->profile->names.data[frame->first_name].function),
				"clock_gettime");
	assert_true(found);
	report(setting);
	assert_true(tells(setting, "of runtime where no code is known to be mapped"));
	unset(setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_user_code_with_inlined_calls),
		cmocka_unit_test(leaves_out_inlined_calls_on_request),
		cmocka_unit_test(a_return_address_belongs_to_the_call),
		cmocka_unit_test(says_why_a_file_has_no_names),
		cmocka_unit_test(gives_addresses_where_no_symbol_is),
		cmocka_unit_test(shares_tables_by_build_id),
		cmocka_unit_test(forgets_tables_beyond_its_ceiling),
		cmocka_unit_test(names_the_kernel),
		cmocka_unit_test(says_that_kernel_addresses_are_hidden),
		cmocka_unit_test(names_code_made_at_run_time),
		cmocka_unit_test(names_marks_the_unknown_and_the_vdso),
	};

	return compile_clean(test_run(tests));
}
