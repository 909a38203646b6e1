/* SPDX-License-Identifier: MIT */
/* The rows of small libraries that clang assembles and lld links, of either processor. */
#include "elf/cfi.h"

#include <elf.h>

#include "elf/compile.test.h"
#include "elf/unwind_block.h"

#define NONE                        \
	{                           \
		.kind = UNWIND_NONE \
	}
#define HARD                        \
	{                           \
		.kind = UNWIND_HARD \
	}
#define ROOT                        \
	{                           \
		.kind = UNWIND_ROOT \
	}

struct expected {
	const char *symbol;
	struct unwind_rule rule;
};

/* Each label stands where its rule begins. */
static const char x86_program[] =
	".text\n.globl _start\n_start: nop\n"
	".macro ends to\n.cfi_endproc\n.balign 64\n.endm\n"
	".globl plain\nplain: .cfi_startproc\nplain_0: push %rbp\n"
	".cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\nplain_1: mov %rsp,%rbp\n"
	".cfi_def_cfa_register %rbp\nplain_2: nop; nop\n"
	".cfi_remember_state\npop %rbp\n.cfi_restore %rbp\n.cfi_def_cfa %rsp, 8\n"
	"plain_3: ret\n.cfi_restore_state\nplain_4: nop\nends\nplain_end: nop\n.balign 64\n"
	"root: .cfi_startproc\n.cfi_undefined %rip\nnop\nends\n"
	"deref: .cfi_startproc\n.cfi_escape 0x0f,3,0x76,0x78,0x06\n.cfi_offset %rbp, 0\nnop\n"
	".cfi_escape 0x0f,5,0x77,0x10,0x06,0x23,0x08\nderef_sp: nop\nends\n"
	"plt: .cfi_startproc\n"
	".cfi_escape 0x0f,11,0x77,8,0x80,0,0x3f,0x1a,0x3b,0x2a,0x33,0x24,0x22\nnop\nends\n"
	"signal: .cfi_startproc\n.cfi_signal_frame\n.cfi_escape 0x0f,4,0x77,0xa0,1,6\nnop\nends\n"
	"marked: .cfi_startproc\n.cfi_signal_frame\n.cfi_def_cfa_offset 24\nnop\nends\n"
	"by_rcx: .cfi_startproc\n.cfi_def_cfa %rcx, 16\nnop\nends\n"
	"in_rdi: .cfi_startproc\n.cfi_def_cfa_offset 0\n.cfi_register %rip, %rdi\nnop\n"
	".cfi_def_cfa %rcx, 8\nin_rdi_by_rcx: nop\n.cfi_def_cfa %rsp, 8\n.cfi_offset %rip, -8\n"
	"in_rdi_no_more: nop\nends\n"
	"expression: .cfi_startproc\n.cfi_escape 0x0f,4,0x77,0x10,0x06,0x06\nnop\nends\n"
	"rbp_hard: .cfi_startproc\n.cfi_escape 0x10,6,2,0x77,0x10\nnop\n"
	".cfi_escape 0x10,6,2,0x76,0x10\nrbp_by_rbp: nop\n"
	".cfi_offset %rbp, -24\nrbp_again: nop\n.cfi_register %rbp, %rax\nrbp_moved: nop\nends\n"
	"huge: .cfi_startproc\n.cfi_def_cfa_offset 40000\nnop\nends\n"
	"big: .cfi_startproc\n.cfi_def_cfa_offset 32760\nnop\nends\n"
	"others: .cfi_startproc\n.cfi_offset %r12, -24\n.cfi_offset %rbx, -16\nnop\n"
	".cfi_escape 0x2e, 0x10\nnop\n.cfi_same_value %rbp\nnop\n.cfi_undefined %rax\nnop\nends\n"
	"unknown: .cfi_startproc\nnop\n.cfi_escape 0x3c\nunknown_1: nop\nends\n"
	"padded: .cfi_startproc\n.cfi_def_cfa_offset 48\ncall plain\n.cfi_endproc\n.balign 16\n"
	"behind: .cfi_startproc\nret\n.cfi_endproc\n";

static const struct expected x86_rows[] = {
	{ "_start", ROOT }, /* by its code */
	{ "plain_0", { UNWIND_SP, UNWIND_RA_SAVED, 8, 0, -8 } },
	{ "plain_1", { UNWIND_SP, UNWIND_RA_SAVED | UNWIND_FP_SAVED, 16, -16, -8 } },
	{ "plain_2", { UNWIND_FP, UNWIND_RA_SAVED | UNWIND_FP_SAVED, 16, -16, -8 } },
	{ "plain_3", { UNWIND_SP, UNWIND_RA_SAVED, 8, 0, -8 } },
	{ "plain_4", { UNWIND_FP, UNWIND_RA_SAVED | UNWIND_FP_SAVED, 16, -16, -8 } },
	{ "plain_end", { UNWIND_SP, UNWIND_RA_SAVED, 8, 0, -8 } },
	{ "root", ROOT },
	{ "deref", { UNWIND_DEREF_FP, UNWIND_RA_SAVED | UNWIND_FP_SAVED, -1 * 256, 0, -8 } },
	{ "deref_sp", { UNWIND_DEREF_SP, UNWIND_RA_SAVED | UNWIND_FP_SAVED, 2 * 256 + 8, 0, -8 } },
	{ "plt", { UNWIND_PLT, UNWIND_RA_SAVED, 11, 0, -8 } },
	{ "marked", { UNWIND_SP, UNWIND_RA_SAVED, 24, 0, -8 } },
	{ "by_rcx", { UNWIND_OTHER, UNWIND_RA_SAVED | 2 << 4, 16, 0, -8 } },
	{ "in_rdi", { UNWIND_SP, 5 << 4, 0, 0, 0 } },
	{ "in_rdi_by_rcx", HARD },
	{ "in_rdi_no_more", { UNWIND_SP, UNWIND_RA_SAVED, 8, 0, -8 } },
	{ "expression", HARD },
	{ "rbp_hard", HARD },
	{ "rbp_by_rbp",
	  { UNWIND_SP, UNWIND_RA_SAVED | UNWIND_FP_SAVED | UNWIND_FP_BY_FP, 8, 16, -8 } },
	{ "rbp_again", { UNWIND_SP, UNWIND_RA_SAVED | UNWIND_FP_SAVED, 8, -24, -8 } },
	{ "rbp_moved", HARD },
	{ "huge", HARD },
	{ "big", { UNWIND_SP, UNWIND_RA_SAVED, 32760, 0, -8 } },
	{ "others", { UNWIND_SP, UNWIND_RA_SAVED, 8, 0, -8 } },
	{ "unknown_1", NONE },
	{ "padded", { UNWIND_SP, UNWIND_RA_SAVED, 48, 0, -8 } },
	{ "behind", { UNWIND_SP, UNWIND_RA_SAVED, 8, 0, -8 } },
	{ "signal", { .kind = UNWIND_SIGNAL } }, /* the last: see reads_debug_frame() */
};

/* A file that finds a frame by rbx: it is followed everywhere in it. */
static const char bx_program[] =
	".text\n"
	"by_rbx: .cfi_startproc\n.cfi_def_cfa %rbx, 16\n.cfi_offset %rbx, -24\nnop\n.cfi_endproc\n"
	"leaf: .cfi_startproc\nnop\n.cfi_endproc\n"
	"pushes: .cfi_startproc\nnop\n.cfi_def_cfa_offset 16\n.cfi_offset %rbx, -16\npushed: nop\n"
	".cfi_def_cfa_offset 24\n.cfi_offset %rbp, -24\nboth: nop\n.cfi_restore %rbx\n"
	"restored: nop\n.cfi_undefined %rbx\nundefined: nop\n.cfi_register %rbx, %rax\nmoved: nop\n"
	".cfi_offset %rbx, -16\n.cfi_register %rip, %rcx\nin_rcx: nop\n.cfi_endproc\n";

#define BX (UNWIND_RA_SAVED | UNWIND_BX_FOLLOWED)

static const struct expected bx_rows[] = {
	{ "by_rbx", { UNWIND_OTHER, BX | 3 << 4, 16, 0, -24 } },
	{ "leaf", { UNWIND_SP, BX, 8, 0, 0 } },
	{ "pushed", { UNWIND_SP, BX, 16, 0, -16 } },
	{ "both", { UNWIND_SP, BX | UNWIND_FP_SAVED, 24, -24, -16 } },
	{ "restored", { UNWIND_SP, BX | UNWIND_FP_SAVED, 24, -24, 0 } },
	{ "undefined", { UNWIND_SP, BX | UNWIND_FP_SAVED, 24, -24, 0 } },
	{ "moved", { UNWIND_SP, UNWIND_RA_SAVED | UNWIND_FP_SAVED, 24, -24, -8 } },
	{ "in_rcx", { UNWIND_SP, UNWIND_FP_SAVED | 2 << 4, 24, -24, 0 } },
};

static const char arm64_program[] =
	".text\n.globl _start\n_start: nop\n.balign 64\n"
	"leaf: .cfi_startproc\nret\n.cfi_endproc\n.balign 64\n"
	"frame: .cfi_startproc\npaciasp\n.cfi_negate_ra_state\nframe_signed: nop\n"
	"stp x29, x30, [sp, #-32]!\n"
	".cfi_def_cfa_offset 32\n.cfi_offset w29, -32\n.cfi_offset w30, -24\n"
	"frame_saved: mov x29, sp\n.cfi_def_cfa w29, 32\nframe_fp: nop\n"
	"ldp x29, x30, [sp], #32\n.cfi_def_cfa wsp, 0\n.cfi_restore w30\n.cfi_restore w29\n"
	".cfi_negate_ra_state\nframe_done: ret\n.cfi_endproc\n.balign 64\n"
	"root: .cfi_startproc\n.cfi_undefined w30\nnop\n.cfi_endproc\n.balign 64\n"
	"signal: .cfi_startproc\n.cfi_signal_frame\n.cfi_def_cfa w29, 0\n.cfi_offset w29, 0\n"
	".cfi_offset w30, 8\nnop\n.cfi_endproc\n.balign 64\n"
	"other: .cfi_startproc\n.cfi_def_cfa w19, 16\nnop\n.cfi_endproc\n";

static const struct expected arm64_rows[] = {
	{ "_start", NONE },
	{ "leaf", { UNWIND_SP, 0, 0, 0, 0 } },
	{ "frame", { UNWIND_SP, 0, 0, 0, 0 } },
	{ "frame_signed", { UNWIND_SP, UNWIND_RA_SIGNED, 0, 0, 0 } },
	{ "frame_saved",
	  { UNWIND_SP, UNWIND_RA_SIGNED | UNWIND_RA_SAVED | UNWIND_FP_SAVED, 32, -32, -24 } },
	{ "frame_fp",
	  { UNWIND_FP, UNWIND_RA_SIGNED | UNWIND_RA_SAVED | UNWIND_FP_SAVED, 32, -32, -24 } },
	{ "frame_done", { UNWIND_SP, 0, 0, 0, 0 } },
	{ "root", ROOT },
	{ "other", HARD },
	{ "signal", { .kind = UNWIND_SIGNAL } },
};

/* Skips where clang cannot make code for a processor, as one that was built for one alone. */
static void link_program(const char *target, const char *text, const char *words)
{
	compile_write("program.s", text);
	if (!compile_try("clang-14 --version && ld.lld-14 --version"))
		test_skip("clang-14 and ld.lld-14, which make code for either processor");
	compile_run("clang-14 -target %s -c program.s -o program.o && "
		    "ld.lld-14 -shared %s program.o -o program",
		    target, words);
}

static struct unwind_rule rule_at(struct cfi *cfi, uint64_t address)
{
	struct unwind_block block;
	struct cfi_rows rows = { 0 };
	uint32_t page = unwind_page(address, 0u);

	assert_int_equal(unwind_block_build(cfi, page, &rows, &block), 0);
	assert_false(block.is_split);
	vec_done(&rows);
	return unwind_block_find(&block, page, address);
}

static void expect_rules(const struct expected *rows, size_t count)
{
	own(image_freep) struct image *image = compile_image("program");
	own(cfi_closep) struct cfi *cfi = NULL;

	assert_int_equal(cfi_open(image, &cfi), 0);
	for (size_t i = 0; i < count; i++) {
		uint64_t address = compile_address("program", rows[i].symbol);
		struct unwind_rule rule = rule_at(cfi, address), want = rows[i].rule;

		if (memcmp(&rule, &want, sizeof(rule)) != 0)
			print_message("%s: kind %d saved %d cfa %d fp %d ra %d\n", rows[i].symbol,
				      rule.kind, rule.saved, rule.cfa, rule.fp, rule.ra);
		assert_memory_equal(&rule, &want, sizeof(rule));
	}
}

static void reads_x86(void **state)
{
	(void)state;
	link_program("x86_64-linux-gnu", x86_program, "--eh-frame-hdr");
	expect_rules(x86_rows, sizeof(x86_rows) / sizeof(*x86_rows));
}

static void follows_rbx_where_a_frame_is_found_by_it(void **state)
{
	(void)state;
	link_program("x86_64-linux-gnu", bx_program, "--eh-frame-hdr");
	expect_rules(bx_rows, sizeof(bx_rows) / sizeof(*bx_rows));
}

static void reads_without_header(void **state)
{
	(void)state;
	link_program("x86_64-linux-gnu", x86_program, "--no-eh-frame-hdr");
	expect_rules(x86_rows, sizeof(x86_rows) / sizeof(*x86_rows));
}

static void reads_arm64(void **state)
{
	(void)state;
	link_program("aarch64-linux-gnu", arm64_program, "--eh-frame-hdr");
	expect_rules(arm64_rows, sizeof(arm64_rows) / sizeof(*arm64_rows));
}

/* .debug_frame, plain and compressed, of both processors.  clang marks no signal frame there. */
static void reads_debug_frame(void **state)
{
	own(freep) char *text = NULL;

	(void)state;
	assert_true(asprintf(&text, ".cfi_sections .debug_frame\n%s", arm64_program) > 0);
	link_program("aarch64-linux-gnu", text, "");
	expect_rules(arm64_rows, sizeof(arm64_rows) / sizeof(*arm64_rows) - 1);
	free(text);
	assert_true(asprintf(&text, ".cfi_sections .debug_frame\n%s", x86_program) > 0);
	link_program("x86_64-linux-gnu", text, "");
	expect_rules(x86_rows, sizeof(x86_rows) / sizeof(*x86_rows) - 1);
	link_program("x86_64-linux-gnu", text, "--compress-debug-sections=zlib");
	expect_rules(x86_rows, sizeof(x86_rows) / sizeof(*x86_rows) - 1);
}

/* A call that ends a function returns into the padding behind it. */
static void keeps_rules_in_padding(void **state)
{
	struct unwind_rule padded = { UNWIND_SP, UNWIND_RA_SAVED, 48, 0, -8 }, rule;
	own(image_freep) struct image *image = NULL;
	own(cfi_closep) struct cfi *cfi = NULL;

	(void)state;
	link_program("x86_64-linux-gnu", x86_program, "--eh-frame-hdr");
	image = compile_image("program");
	assert_int_equal(cfi_open(image, &cfi), 0);
	rule = rule_at(cfi, compile_address("program", "behind") - 1);
	assert_memory_equal(&rule, &padded, sizeof(rule));
	rule = rule_at(cfi, image->end + 100);
	assert_int_equal(rule.kind, UNWIND_NONE);
	rule = rule_at(cfi, 0);
	assert_int_equal(rule.kind, UNWIND_NONE);
}

static void refuses_what_has_none(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct cfi *cfi = NULL;

	(void)state;
	link_program("x86_64-linux-gnu", ".text\n.globl f\nf: ret\n", "");
	image = compile_image("program");
	assert_int_equal(cfi_open(image, &cfi), -ENOENT);
	assert_null(cfi);
	image->machine = EM_RISCV;
	assert_int_equal(cfi_open(image, &cfi), -ENOTSUP);
}

/* A bomb: 500 functions of one byte, each with a program of 60,000 bytes. */
static const char bomb[] =
	".text\n.balign 16384\nf: .fill 500, 1, 0x90\n"
	".section .eh_frame,\"a\",@unwind\ncie: .long 20, 0\n.byte 1\n.asciz \"zR\"\n"
	".byte 1, 0x78, 16, 1, 0x1b, 12, 7, 8, 0x90, 1, 0, 0\n.set at, 0\n"
	".rept 500\n.long 60013, . - cie, f + at - .\n.long 1\n.byte 0\n.fill 60000, 1, 0\n"
	".set at, at + 1\n.endr\n.long 0\n";

static void spends_no_more_than_allowed(void **state)
{
	struct unwind_rule first = { UNWIND_SP, UNWIND_RA_SAVED, 8, 0, -8 };
	own(image_freep) struct image *image = NULL;
	own(cfi_closep) struct cfi *cfi = NULL;
	struct cfi_rows rows = { 0 };
	uint64_t start;

	(void)state;
	link_program("x86_64-linux-gnu", bomb, "--eh-frame-hdr");
	image = compile_image("program");
	assert_int_equal(cfi_open(image, &cfi), 0);
	start = compile_address("program", "f");
	assert_int_equal(cfi_rows(cfi, start, start + 500, &rows), 0);
	assert_int_equal(rows.len, 2); /* what was run in time, and where that ended */
	assert_memory_equal(&rows.data[0].rule, &first, sizeof(first));
	assert_int_equal(rows.data[1].rule.kind, UNWIND_NONE);
	assert_in_range(rows.data[1].address, start + 50, start + 300);
	vec_done(&rows);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(reads_x86),
		cmocka_unit_test(follows_rbx_where_a_frame_is_found_by_it),
		cmocka_unit_test(reads_without_header),
		cmocka_unit_test(reads_arm64),
		cmocka_unit_test(reads_debug_frame),
		cmocka_unit_test(keeps_rules_in_padding),
		cmocka_unit_test(refuses_what_has_none),
		cmocka_unit_test(spends_no_more_than_allowed),
	};

	return compile_clean(cmocka_run_group_tests(cases, NULL, NULL));
}
