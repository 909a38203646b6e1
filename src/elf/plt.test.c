/* SPDX-License-Identifier: MIT */
#include "elf/plt.h"

#include <elf.h>

#include "elf/compile.test.h"

static const char library[] = "int first(int), second(int), third(int);\n"
			      "int (*pointer)(int) = second;\n"
			      "int take(int (*f)(int)) { return f(1); }\n"
			      "int use(int x) {\n"
			      "	return first(x) + second(x) + third(x) + take(third) + take(use);\n"
			      "}\n";

static struct plt *table_of(const struct image *image)
{
	struct plt *plt = NULL;

	assert_int_equal(plt_new(image, &plt), 0);
	return plt;
}

/* Every stub that objdump labels name@plt has that name from its first to its last byte, and no
 * address in front of the stubs has any.
 */
static unsigned compare_with_objdump(const char *name)
{
	own(image_freep) struct image *image = compile_image(name);
	own(plt_freep) struct plt *plt = table_of(image);
	char command[300], line[512], label[256], text[PLT_NAME_BYTES];
	unsigned count = 0;
	FILE *out;

	snprintf(command, sizeof(command), "objdump -d '%s'", name);
	out = compile_read(command);
	while (fgets(line, sizeof(line), out)) {
		const struct plt_stub *stub;
		uint64_t address;
		char *end;

		if (sscanf(line, "%" SCNx64 " <%255[^>]>:", &address, label) != 2)
			continue;
		end = strstr(label, "@plt");
		if (!end || end[4]) /* first@plt-0x10 is what all stubs have in common */
			continue;
		*end = '\0';
		if (strncmp(label, "*ABS*", 5) == 0)
			continue;
		stub = plt_find(plt, address);
		assert_non_null(stub);
		assert_true(stub->start == address);
		assert_true(plt_find(plt, stub->end - 1) == stub);
		assert_true(plt_name(plt, stub, text) > 0);
		assert_string_equal(text, label);
		count++;
	}
	pclose(out);
	assert_null(plt_find(plt, 0));
	assert_null(plt_find(plt, UINT64_MAX));
	return count;
}

static void agrees_with_objdump(void **state)
{
	static const char *const words[] = {
		"-fcf-protection=none",
		"-fcf-protection=none -Wl,-z,now",
		"-fcf-protection -Wl,-z,ibtplt",
		"-fcf-protection -Wl,-z,ibtplt -Wl,-z,now",
		"-fuse-ld=gold",
	};

	(void)state;
	compile_write("library.c", library);
	for (size_t i = 0; i < array_len(words); i++) {
		compile_run("cc -O1 -shared -fPIC %s -o library.so library.c", words[i]);
		assert_true(compare_with_objdump("library.so") >= 3);
	}
}

static void reads_what_lld_writes(void **state)
{
	(void)state;
	compile_write("library.c", library);
	if (!compile_try("clang-14 -O1 -shared -fPIC -fuse-ld=lld -o library.so library.c"))
		test_skip("no clang-14 with lld");
	assert_true(compare_with_objdump("library.so") >= 3);
}

static void reads_other_processors(void **state)
{
	(void)state;
	compile_write("library.c", library);
	if (compile_try("cc -m32 -O1 -nostdlib -shared -fPIC -o library.so library.c"))
		assert_true(compare_with_objdump("library.so") >= 3);
	else
		test_skip("this compiler makes no 32-bit files");
}

/* binutils of one processor does not disassemble another's: the relocations are the judge. */
static void reads_arm64(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(plt_freep) struct plt *plt = NULL;
	char text[PLT_NAME_BYTES];
	unsigned found = 0;

	(void)state;
	compile_write("library.c", library);
	if (!compile_try("clang-14 --target=aarch64-linux-gnu -O1 -shared -nostdlib -fPIC "
			 "-mbranch-protection=standard -fuse-ld=lld -o arm.so library.c"))
		test_skip("no clang-14 with lld for arm64");
	image = compile_image("arm.so");
	assert_int_equal(image->machine, EM_AARCH64);
	plt = table_of(image);
	vec_each(stub, &plt->stubs) {
		if (!stub->name) /* what all of them have in common */
			continue;
		assert_true(plt_name(plt, stub, text) > 0);
		found += !strcmp(text, "first") + 2 * !strcmp(text, "second") +
			 4 * !strcmp(text, "third");
	}
	assert_int_equal(found, 7);
}

/* Functions that the dynamic linker chooses have no symbol in the relocation, only an address. */
static void knows_the_target_of_indirect_functions(void **state)
{
	own(image_freep) struct image *image = NULL;
	own(plt_freep) struct plt *plt = NULL;
	uint64_t resolver;
	unsigned found = 0;

	(void)state;
	compile_write(
		"chosen.c",
		"static int one(int x) { return x + 1; }\n"
		"static int (*choose(void))(int) { return one; }\n"
		"__attribute__((visibility(\"hidden\"), ifunc(\"choose\"))) int chosen(int);\n"
		"int main(int argc, char **argv) { return chosen(argc); }\n");
	compile_run("cc -O1 -no-pie -o chosen chosen.c");
	image = compile_image("chosen");
	resolver = compile_address("chosen", "choose");
	plt = table_of(image);
	vec_each(stub, &plt->stubs)
		found += !stub->name && stub->target == resolver;
	assert_int_equal(found, 1);
}

static void reads_the_programs_at_hand(void **state)
{
	static const char *const programs[] = { "/bin/bash", "/usr/bin/objdump",
						"/usr/bin/python3" };

	(void)state;
	for (size_t i = 0; i < array_len(programs); i++)
		if (compile_try("test -x %s && cp -L %s program", programs[i], programs[i]))
			compare_with_objdump("program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_objdump),
		cmocka_unit_test(reads_what_lld_writes),
		cmocka_unit_test(reads_other_processors),
		cmocka_unit_test(reads_arm64),
		cmocka_unit_test(knows_the_target_of_indirect_functions),
		cmocka_unit_test(reads_the_programs_at_hand),
	};

	return compile_clean(test_run(tests));
}
