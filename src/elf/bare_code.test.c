/* SPDX-License-Identifier: MIT */
/* Rules of code that nothing describes, in a library that the assembler and the linker made. */
#include "elf/bare_code.h"

#include <elf.h>

#include "elf/compile.test.h"

/* What crtbegin.o has, and then what is not followed.  The described function makes the section. */
static const char program[] =
	".section .init,\"ax\",@progbits\n_init: endbr64\nsub $8,%rsp\ninit_1: test %rax,%rax\nje 1f\n"
	"call *%rax\n1: add $8,%rsp\ninit_2: ret\n"
	".text\nclones: lea 8(%rip),%rdi\ncmp %rdi,%rax\nje clones_end\njmp *%rax\nnop\nclones_end: ret\n"
	".balign 16\naux: cmpb $0,8(%rip)\njne aux_end\npush %rbp\naux_1: mov %rsp,%rbp\ncall clones\n"
	"pop %rbp\naux_2: ret\nnop\naux_end: ret\n"
	".balign 16\nwide: push %rbx\nwide_1: push %rbp\nwide_2: sub $16,%rsp\nwide_3: jmp wide_5\nnop\n"
	"wide_5: add $16,%rsp\npop %rbp\nwide_6: pop %rbx\nwide_7: ret\n"
	".globl _start\n_start: mov %rsp,%rdi\ncall wide\nand $-16,%rsp\nstart_1: jmp *%rax\nstart_2: nop\n"
	".balign 16\nodd: and $-64,%rsp\nodd_1: nop\nnop\n"
	".balign 1024\ndescribed: .cfi_startproc\nret\n.cfi_endproc\n";

struct expected {
	const char *symbol;
	int cfa, fp; /* 0: no rule; not saved.  -1: nobody called */
};

static const struct expected rows[] = {
	{ "_init", 8, 0 },     { "init_1", 16, 0 },  { "init_2", 8, 0 },    { "clones", 8, 0 },
	{ "aux", 8, 0 },       { "aux_1", 16, -16 }, { "aux_2", 8, 0 },     { "aux_end", 8, 0 },
	{ "wide", 8, 0 },      { "wide_1", 16, 0 },  { "wide_2", 24, -24 }, { "wide_3", 40, -24 },
	{ "wide_5", 40, -24 }, { "wide_6", 16, 0 },  { "wide_7", 8, 0 },    { "_start", -1, 0 },
	{ "start_1", -1, 0 },  { "start_2", 8, 0 },  { "odd", 8, 0 },       { "odd_1", 0, 0 },
};

static struct image *link_library(void)
{
	compile_write("program.s", program);
	compile_run("gcc -nostdlib -shared program.s -o program");
	return compile_image("program");
}

static struct unwind_rule rule_at(const struct cfi_rows *found, uint64_t address)
{
	struct unwind_rule rule = { .kind = UNWIND_NONE };

	for (size_t i = 0; i < found->len && found->data[i].address <= address; i++)
		rule = found->data[i].rule;
	return rule;
}

static void expect(const struct cfi_rows *found, const struct expected *row)
{
	struct unwind_rule rule = rule_at(found, compile_address("program", row->symbol));

	if (row->cfa < 0) {
		assert_int_equal(rule.kind, UNWIND_ROOT);
		return;
	}
	if (rule.cfa != row->cfa || rule.fp != row->fp)
		print_message("%s: cfa %d fp %d\n", row->symbol, rule.cfa, rule.fp);
	assert_int_equal(rule.kind, row->cfa ? UNWIND_SP : UNWIND_NONE);
	assert_int_equal(rule.cfa, row->cfa);
	assert_int_equal(rule.fp, row->fp);
	if (row->cfa)
		assert_int_equal(rule.saved, UNWIND_RA_SAVED | (row->fp ? UNWIND_FP_SAVED : 0));
}

static void reads_short_functions(void **state)
{
	own(image_freep) struct image *image = link_library();
	struct bare_code bare = bare_code_find(image);
	struct cfi_rows found = { 0 };
	uint64_t init = compile_address("program", "_init"),
		 text = compile_address("program", "clones");

	(void)state;
	assert_int_equal(bare.count, 2);
	assert_int_equal(bare_code_rows(&bare, image, init, init + 64, &found), 0);
	assert_int_equal(bare_code_rows(&bare, image, text, text + BARE_CODE_MAX, &found), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect(&found, &rows[i]);
	vec_done(&found);
}

/* Nothing is said where a jump back finds the stack otherwise, where a call may never come back, and where it
 * cannot be told how code is reached.
 */
static void says_nothing_of_what_it_cannot_tell(void **state)
{
	static const struct {
		const char *text;
		size_t rows; /* but the one that ends them */
	} cases[] = {
		{ "f: push %rbx\njmp 2f\n.balign 16\n1: call *%rbx\n2: cmp %rax,%rbx\njne 1b\npop %rbx\nret\n",
		  0 },
		{ "f: sub $8,%rsp\ncall f\n.balign 16\ng: push %rax\npop %rax\nret\n", 2 },
		{ "f: ret\npush %rax\npop %rax\nret\n", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		own(image_freep) struct image *image = NULL;
		struct cfi_rows found = { 0 };
		struct bare_code bare;
		unsigned count = 0;
		uint64_t f;

		compile_write("program.s", cases[i].text);
		compile_run("gcc -nostdlib -shared program.s -o program");
		image = compile_image("program");
		bare = bare_code_find(image);
		f = compile_address("program", "f");
		assert_int_equal(bare_code_rows(&bare, image, f, f + 256, &found), 0);
		for (size_t row = 0; row < found.len; row++)
			count += found.data[row].rule.kind != UNWIND_NONE;
		if (i == 1) /* and the filling behind the call */
			assert_in_range(count, 2, 4);
		else
			assert_int_equal(count, cases[i].rows);
		vec_done(&found);
	}
}

/* Call frame information is asked first; a long gap is no such code. */
static void fills_gaps_alone(void **state)
{
	own(image_freep) struct image *image = link_library();
	own(cfi_closep) struct cfi *cfi = NULL;
	struct cfi_rows found = { 0 };
	uint64_t described = compile_address("program", "described");

	(void)state;
	assert_int_equal(cfi_open(image, &cfi), 0);
	assert_int_equal(cfi_rows(cfi, 0, described + 1, &found), 0);
	expect(&found, &(struct expected){ "init_1", 16, 0 });
	expect(&found, &(struct expected){ "clones", 0, 0 });
	expect(&found, &(struct expected){ "described", 8, 0 });
	vec_done(&found);
}

static void refuses_what_it_cannot_read(void **state)
{
	own(image_freep) struct image *image = link_library();
	struct bare_code bare = bare_code_find(image);
	struct bare_code beyond = { .sections = { { 1ull << 50, 1ull << 51 } }, .count = 1 };
	struct cfi_rows found = { 0 };
	uint64_t text = compile_address("program", "clones");

	(void)state;
	assert_int_equal(bare_code_rows(&bare, image, text, text + BARE_CODE_MAX + 1, &found), 0);
	assert_int_equal(
		bare_code_rows(&bare, image, text + 1, text + 1 + BARE_CODE_PADDING, &found), 0);
	assert_int_equal(bare_code_rows(&beyond, image, 1ull << 50, (1ull << 50) + 64, &found), 0);
	assert_int_equal(bare_code_rows(&bare, image, text, text, &found), 0);
	image->machine = EM_AARCH64;
	assert_int_equal(bare_code_rows(&bare, image, text, text + 64, &found), 0);
	assert_int_equal(found.len, 0);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(reads_short_functions),
		cmocka_unit_test(says_nothing_of_what_it_cannot_tell),
		cmocka_unit_test(fills_gaps_alone),
		cmocka_unit_test(refuses_what_it_cannot_read),
	};

	return compile_clean(cmocka_run_group_tests(cases, NULL, NULL));
}
