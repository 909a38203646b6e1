/* SPDX-License-Identifier: MIT */
#include "elf/functions.h"

#include "elf/compile.test.h"
#include "elf/gopclntab.h"

static const char in_c[] =
	"#define NOINLINE __attribute__((noinline))\n"
	"NOINLINE int handle_request(int x) { return x + 1; }\n"
	"NOINLINE int handle_error(int x) { return x + 2; }\n"
	"int handled(int x) __attribute__((alias(\"handle_error\")));\n"
	"asm(\".text\\n.type split, @function\\nsplit: nop; ret\\n.size split, 2\\n\"\n"
	"    \".type split.cold, @function\\nsplit.cold: nop; nop; ret\\n.size split.cold, 3\\n\"\n"
	"    \".type clone.constprop.0, @function\\nclone.constprop.0: ret\\n\"\n"
	"    \".size clone.constprop.0, 1\\n\");\n"
	"int main(int argc, char **argv) { return handle_request(argc) + handle_error(argc); }\n";

static const char in_cpp[] =
	"namespace shop { struct Cart {\n"
	"	__attribute__((noinline)) int total(int x) { asm(\"\"); return x; }\n"
	"	__attribute__((noinline)) int total(double x) { asm(\"\"); return (int)x; }\n"
	"}; }\n"
	"int main(int argc, char **) { shop::Cart c; return c.total(argc) + c.total(1.5 * argc); }\n";

static const char in_go[] = "package main\n"
			    "import \"os\"\n"
			    "type Server struct{ n int }\n"
			    "//go:noinline\n"
			    "func (s *Server) handle(n int) int { return s.n + n }\n"
			    "//go:noinline\n"
			    "func handleRequest(n int) int { s := Server{n}; return s.handle(n) }\n"
			    "func tiny(n int) int { return n * 3 / (n + 1) }\n"
			    "func main() { println(handleRequest(tiny(len(os.Args)))) }\n";

static const char *name_of(const struct functions *functions, size_t i)
{
	return functions_text(functions, functions->list.data[i].name);
}

static void find(const char *file, const char *pattern, struct functions *functions)
{
	own(image_freep) struct image *image = compile_image(file);

	assert_int_equal(functions_find(image, NULL, pattern, functions), 0);
}

static void names_and_globs(void **state)
{
	struct functions functions = { 0 };

	(void)state;
	compile_write("p.c", in_c);
	compile_run("cc -O1 -o p p.c");
	find("p", "handle_request", &functions);
	assert_int_equal(functions.list.len, 1);
	assert_int_equal(functions.list.data[0].body.start, compile_address("p", "handle_request"));
	assert_true(functions.list.data[0].body.end > functions.list.data[0].body.start);
	find("p", "handle_*", &functions);
	assert_int_equal(functions.list.len, 2);
	find("p", "handled", &functions); /* the alias that was asked for */
	assert_int_equal(functions.list.len, 1);
	assert_string_equal(name_of(&functions, 0), "handled");
	find("p", "no_such", &functions);
	assert_int_equal(functions.list.len, 0);
	functions_done(&functions);
}

static void parts_and_clones(void **state)
{
	struct functions functions = { 0 };

	(void)state;
	compile_write("p.c", in_c);
	compile_run("cc -O1 -o p p.c");
	find("p", "split", &functions);
	assert_int_equal(functions.list.len, 1);
	assert_int_equal(functions.list.data[0].cold.start, compile_address("p", "split.cold"));
	assert_int_equal(functions.list.data[0].cold.end, compile_address("p", "split.cold") + 3);
	find("p", "split*", &functions); /* its part is no function */
	assert_int_equal(functions.list.len, 1);
	find("p", "clone", &functions);
	assert_int_equal(functions.list.len, 1);
	assert_string_equal(name_of(&functions, 0), "clone");
	functions_done(&functions);
}

static void names_as_cpp_writes_them(void **state)
{
	struct functions functions = { 0 };

	(void)state;
	compile_write("p.cc", in_cpp);
	if (!compile_try("g++ -O1 -o pp p.cc"))
		test_skip("no C++ compiler");
	find("pp", "shop::Cart::total", &functions); /* both of that name */
	assert_int_equal(functions.list.len, 2);
	find("pp", "_ZN4shop4Cart5totalEi", &functions);
	assert_int_equal(functions.list.len, 1);
	assert_string_equal(name_of(&functions, 0), "shop::Cart::total");
	find("pp", "shop::*", &functions);
	assert_int_equal(functions.list.len, 2);
	functions_done(&functions);
}

static void expect_go(const char *file, uint64_t handle)
{
	own(image_freep) struct image *image = compile_image(file);
	struct functions functions = { 0 };

	assert_int_equal(functions_find(image, NULL, "main.handleRequest", &functions), 0);
	assert_int_equal(functions.list.len, 1);
	assert_true(functions.list.data[0].is_go);
	assert_int_equal(functions_find(image, NULL, "main.(*Server).handle", &functions), 0);
	assert_int_equal(functions.list.len, 1);
	assert_string_equal(name_of(&functions, 0), "main.(*Server).handle");
	if (handle)
		assert_int_equal(functions.list.data[0].body.start, handle);
	assert_true(image_code_at(image, functions.list.data[0].body.start) != NULL);
	assert_int_equal(functions_find(image, NULL, "main.tiny", &functions), 0);
	assert_int_equal(functions.list.len, 0); /* inlined */
	assert_int_equal(gopclntab_names(image, "main.tiny"), 1);
	assert_int_equal(gopclntab_names(image, "main.no_such"), 0);
	assert_true(gopclntab_version(image) >= 1018);
	functions_done(&functions);
}

static void go_programs_stripped_or_not(void **state)
{
	uint64_t handle;

	(void)state;
	compile_write("p.go", in_go);
	if (!compile_try("HOME=$PWD GOCACHE=$PWD/cache go build -o pg p.go"))
		test_skip("no Go compiler");
	handle = compile_address("pg", "main.(*Server).handle");
	expect_go("pg", handle);
	compile_run("strip -o pgs pg");
	expect_go("pgs", handle);
	compile_run("HOME=$PWD GOCACHE=$PWD/cache go build -buildmode=pie -o pgp p.go");
	expect_go("pgp", compile_address("pgp", "main.(*Server).handle"));
}

static void the_nearest_name_is_offered(void **state)
{
	own(image_freep) struct image *image = NULL;
	char text[100] = "";

	(void)state;
	compile_write("p.c", in_c);
	compile_run("cc -O1 -o p p.c");
	image = compile_image("p");
	assert_true(functions_nearest(image, NULL, "handle_reqest", text, sizeof(text)));
	assert_string_equal(text, "handle_request");
	assert_false(functions_nearest(image, NULL, "zzzzzzzzzzzzzz", text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_globs),
		cmocka_unit_test(parts_and_clones),
		cmocka_unit_test(names_as_cpp_writes_them),
		cmocka_unit_test(go_programs_stripped_or_not),
		cmocka_unit_test(the_nearest_name_is_offered),
	};

	return compile_clean(test_run(tests));
}
