/* SPDX-License-Identifier: MIT */
/* Blocks of a library that clang assembles and lld links: what the rows say, the blocks say. */
#include "elf/unwind_block.h"

#include "elf/compile.test.h"

/* 8 KB of plain rules, 800 rows in 16 KB, 4 KB with 1,000 different rules. */
static const char program[] =
	".text\n.balign 16384\n"
	"few: .cfi_startproc\n.fill 4096, 1, 0x90\n.cfi_def_cfa_offset 64\n.fill 4096, 1, 0x90\n"
	".cfi_endproc\n.balign 16384\n"
	"many: .cfi_startproc\n.rept 400\n.cfi_def_cfa_offset 16\n.fill 20, 1, 0x90\n"
	".cfi_def_cfa_offset 24\n.fill 20, 1, 0x90\n.endr\n.cfi_endproc\n.balign 16384\n"
	"dense: .cfi_startproc\n.set n, 0\n.rept 1000\n.cfi_def_cfa_offset 16 + 8 * n\nnop\n"
	".set n, n + 1\n.endr\n.cfi_endproc\n.balign 16384\n"
	"last: ret\n";

struct subject {
	struct image *image;
	struct cfi *cfi;
	struct cfi_rows rows;
};

static void open_subject(struct subject *subject)
{
	*subject = (struct subject){ 0 };
	if (!compile_try("clang-14 --version && ld.lld-14 --version"))
		test_skip("clang-14 and ld.lld-14, which make the library");
	compile_write("program.s", program);
	compile_run("clang-14 -target x86_64-linux-gnu -c program.s -o program.o && "
		    "ld.lld-14 -shared --eh-frame-hdr program.o -o program");
	subject->image = compile_image("program");
	assert_int_equal(cfi_open(subject->image, &subject->cfi), 0);
}

static void close_subject(struct subject *subject)
{
	cfi_close(subject->cfi);
	image_free(subject->image);
	vec_done(&subject->rows);
}

static struct unwind_block build(struct subject *subject, uint32_t page)
{
	struct unwind_block block;

	assert_int_equal(unwind_block_build(subject->cfi, page, &subject->rows, &block), 0);
	return block;
}

static struct unwind_rule rule_of_block(struct subject *subject, uint64_t address)
{
	uint32_t page = unwind_page(address, 0u);
	struct unwind_block block = build(subject, page);

	while (block.is_split) {
		uint32_t part = unwind_page(address, unwind_block_level(page) + 1);
		unsigned found = 0;

		assert_int_equal(block.rows, 0);
		for (unsigned i = 0; i < 4; i++)
			found += unwind_block_part(page, i) == part;
		assert_int_equal(found, 1);
		page = part;
		block = build(subject, page);
	}
	return unwind_block_find(&block, page, address);
}

static struct unwind_rule rule_of_rows(struct subject *subject, uint64_t address)
{
	assert_int_equal(cfi_rows(subject->cfi, address, address + 1, &subject->rows), 0);
	assert_int_equal(subject->rows.len, 1);
	assert_int_equal(subject->rows.data[0].address, address);
	return subject->rows.data[0].rule;
}

static void same_at(struct subject *subject, const char *symbol, unsigned from, unsigned end,
		    unsigned step)
{
	uint64_t start = compile_address("program", symbol);

	for (unsigned i = from; i < end; i += step) {
		struct unwind_rule block = rule_of_block(subject, start + i);
		struct unwind_rule rows = rule_of_rows(subject, start + i);

		assert_memory_equal(&block, &rows, sizeof(block));
	}
}

static void blocks_say_what_rows_say(void **state)
{
	struct subject subject;

	(void)state;
	open_subject(&subject);
	same_at(&subject, "few", 0, 16384, 97);
	same_at(&subject, "many", 0, 16384, 97);
	same_at(&subject, "dense", 0, 150, 1);
	same_at(&subject, "last", 0, 8, 1);
	close_subject(&subject);
}

/* The rule in force at the first byte of a page comes from the page before. */
static void carries_a_rule_into_the_next_page(void **state)
{
	struct unwind_block block;
	struct subject subject;
	uint64_t start;

	(void)state;
	open_subject(&subject);
	start = compile_address("program", "few");
	block = build(&subject, unwind_page(start + 8192, 1u));
	assert_int_equal(block.rows, 1);
	assert_int_equal(
		unwind_block_find(&block, unwind_page(start + 8192, 1u), start + 8192).kind,
		UNWIND_NONE);
	block = build(&subject, unwind_page(start + 4096, 1u));
	assert_int_equal(unwind_block_find(&block, unwind_page(start + 4096, 1u), start + 4096).cfa,
			 64);
	assert_int_equal(unwind_block_find(&block, unwind_page(start + 4096, 1u), start + 8191).cfa,
			 64);
	close_subject(&subject);
}

static void splits_a_page_with_many_rows(void **state)
{
	struct unwind_block block;
	struct subject subject;
	uint64_t start;

	(void)state;
	open_subject(&subject);
	start = compile_address("program", "many");
	block = build(&subject, unwind_page(start, 0u));
	assert_true(block.is_split);
	assert_int_equal(block.rows, 0);
	block = build(&subject, unwind_page(start, 1u));
	assert_false(block.is_split);
	assert_in_range(block.rows, 200, 210);
	start = compile_address("program", "dense");
	assert_true(build(&subject, unwind_page(start, 1u)).is_split);
	assert_false(build(&subject, unwind_page(start, 2u)).is_split);
	close_subject(&subject);
}

/* What does not fit is not known, and not guessed. */
static void keeps_no_more_rules_than_fit(void **state)
{
	struct unwind_block block;
	struct subject subject;
	uint64_t start;
	uint32_t page;

	(void)state;
	open_subject(&subject);
	start = compile_address("program", "dense");
	page = unwind_page(start, 2u);
	block = build(&subject, page);
	assert_true(block.rows > 150 && block.rules + 8 * block.rows <= sizeof(block.data));
	for (unsigned i = 0; i + 1 < block.rows; i++)
		assert_int_equal(unwind_block_find(&block, page, start + i).cfa, 16 + 8 * i);
	assert_int_equal(unwind_block_find(&block, page, start + block.rows).kind, UNWIND_NONE);
	close_subject(&subject);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(blocks_say_what_rows_say),
		cmocka_unit_test(carries_a_rule_into_the_next_page),
		cmocka_unit_test(splits_a_page_with_many_rows),
		cmocka_unit_test(keeps_no_more_rules_than_fit),
	};

	return compile_clean(cmocka_run_group_tests(cases, NULL, NULL));
}
