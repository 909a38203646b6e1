/* SPDX-License-Identifier: MIT */
#include "elf/code.h"

#include "elf/compile.test.h"

/* Labels tell where the sites are; `probe_NAME` is the entry, `exit_NAME_N` an exit. */
static const char program[] =
	".intel_syntax noprefix\n.text\n"
	".macro function name\n.balign 64\n.globl \\name\n.type \\name, @function\n\\name:\n.endm\n"
	".macro end name\n.size \\name, . - \\name\n.endm\n"
	/* The entry is behind ENDBR64 and what is stepped; a byte c3 inside of an immediate. */
	"function pushes\n"
	"	endbr64\n"
	"	sub rsp, 0x18\n"
	"	xor eax, eax\n"
	"probe_pushes: push rbx\n"
	"	mov ecx, 0xc3c3c3c3\n"
	"	test edi, edi\n"
	"	je 1f\n"
	"	pop rbx\n"
	"	add rsp, 0x18\n"
	"2:\n"
	"exit_pushes_0: ret\n"
	"1:	pop rbx\n"
	"	add rsp, 0x18\n"
	"	je 2b\n"
	"exit_pushes_1: jmp other\n"
	"end pushes\n"
	/* Nothing in the prologue is emulated. */
	"function stepped\n"
	"probe_stepped: lea eax, [rdi + 1]\n"
	"exit_stepped_0: ret\n"
	"end stepped\n"
	/* A 5-byte nop is an entry only as the first instruction. */
	"function nop_first\n"
	"probe_nop_first: .byte 0x0f, 0x1f, 0x44, 0, 0\n"
	"exit_nop_first_0: ret\n"
	"end nop_first\n"
	"function nop_later\n"
	"probe_nop_later: mov [rsp - 8], rdi\n"
	"	.byte 0x0f, 0x1f, 0x44, 0, 0\n"
	"	mov rax, [rsp - 8]\n"
	"exit_nop_later_0: ret\n"
	"end nop_later\n"
	/* The push is executed by every round of the loop, what is before it is not. */
	"function loops\n"
	"probe_loops: mov eax, edi\n"
	"1:	push rbx\n"
	"	pop rbx\n"
	"	dec eax\n"
	"	jnz 1b\n"
	"exit_loops_0: ret\n"
	"end loops\n"
	"function loop_first\n"
	"	dec edi\n"
	"	jnz loop_first\n"
	"	ret\n"
	"end loop_first\n"
	"function indirect\n"
	"probe_indirect: push rbp\n"
	"	pop rbp\n"
	"	test edi, edi\n"
	"exit_indirect_0: je other\n"
	"	cmp edi, 1\n"
	"	je 1f\n"
	"	cmp edi, 2\n"
	"	je 2f\n"
	"	notrack jmp rax\n"
	"1:\n"
	"exit_indirect_1: jmp r11\n"
	"2:\n"
	"exit_indirect_2: jmp qword ptr [rdx + r9 * 8 + 0x40]\n"
	"3:\n"
	"exit_indirect_3: jmp qword ptr [rip + pointer]\n"
	"end indirect\n"
	"function locked\n"
	"	lock add dword ptr [rsp - 8], 1\n"
	"	ret\n"
	"end locked\n"
	"function runs_on\n"
	"	push rbx\n"
	"	pop rbx\n"
	"end runs_on\n"
	"function noreturn\n"
	"probe_noreturn: push rbx\n"
	"	ud2\n"
	"end noreturn\n"
	"function only_jumps\n"
	"	jmp other\n"
	"end only_jumps\n"
	"function garbage\n"
	"probe_garbage: push rbx\n"
	"	.byte 0x06, 0x07\n"
	"	ret\n"
	"end garbage\n"
	"function cold_jumps\n"
	"probe_cold_jumps: push rbx\n"
	"	test edi, edi\n"
	"	je the_cold\n"
	"	pop rbx\n"
	"	leave\n"
	"exit_cold_jumps_0: ret\n"
	"end cold_jumps\n"
	/* Whoever comes to its jump and does not take it returns; behind it the result may still change. */
	"function guarded\n"
	"probe_guarded: push rbx\n"
	"	sub rsp, 0x20\n"
	"	test edi, edi\n"
	"	jle 1f\n"
	"	call other\n"
	"1:	cmp rdx, [rsp + 8]\n"
	"exit_guarded_0: jne 2f\n"
	"	add rsp, 0x20\n"
	"	mov eax, ebx\n"
	"	pop rbx\n"
	"result_guarded: ret\n"
	"2:	call other\n"
	"	ud2\n"
	"end guarded\n"
	/* Behind it something is left to be done. */
	"function works\n"
	"probe_works: push rbx\n"
	"	pop rbx\n"
	"	test edi, edi\n"
	"	jne 1f\n"
	"	mov eax, [rsi]\n"
	"exit_works_0: ret\n"
	"1:	cmp edi, 2\n"
	"	jne 2f\n"
	"	syscall\n"
	"exit_works_1: ret\n"
	"2:	cmp edi, 3\n"
	"	jne 3f\n"
	"	rep movsb\n"
	"exit_works_2: ret\n"
	"3:\n"
	"exit_works_3: ret\n"
	"end works\n"
	/* It may come there again. */
	"function goes_round\n"
	"probe_goes_round: push rbx\n"
	"	pop rbx\n"
	"1:	test edi, edi\n"
	"	jne 2f\n"
	"exit_goes_round_0: ret\n"
	"2:	dec edi\n"
	"	jmp 1b\n"
	"end goes_round\n"
	".balign 64\n.type the_cold, @function\n"
	"the_cold: pop rbx\n"
	"exit_cold_jumps_1: ret\n"
	".size the_cold, . - the_cold\n"
	".balign 64\n.globl other\nother: ret\n"
	".data\npointer: .quad other\n";

/* The same of arm64; here the stack is followed until what the kernel emulates. */
static const char arm64_program[] =
	".text\n"
	".macro function name\n.balign 64\n.globl \\name\n.type \\name, @function\n\\name:\n.endm\n"
	".macro end name\n.size \\name, . - \\name\n.endm\n"
	"function pushes\n"
	"	bti c\n"
	"	stp x29, x30, [sp, -48]!\n"
	"	sub sp, sp, 16\n"
	"	str x19, [sp, -16]!\n"
	"probe_pushes: adrp x0, other\n"
	"	cbz w1, 1f\n"
	"	bl other\n"
	"	add sp, sp, 32\n"
	"	ldp x29, x30, [sp], 48\n"
	"exit_pushes_0: ret\n"
	"1:	add sp, sp, 80\n"
	"exit_pushes_1: b other\n"
	"end pushes\n"
	"function stepped\n"
	"probe_stepped: add x0, x0, 1\n"
	"exit_stepped_0: ret\n"
	"end stepped\n"
	"function indirect\n"
	"probe_indirect: cmp x0, 1\n"
	"	add sp, x9, 0\n" /* lost: what follows is no entry */
	"	adr x1, 1f\n"
	"exit_indirect_0: b.hi other\n"
	"exit_indirect_1: br x17\n"
	"1:\n"
	"exit_indirect_2: ret x3\n"
	"end indirect\n"
	"function noreturn\n"
	"	mov x0, 1\n"
	"probe_noreturn: bl other\n" /* the kernel emulates a call, too */
	"end noreturn\n"
	/* As Go begins: executed again from its first instruction where the stack is too small. */
	"function goes\n"
	"0:	ldr x16, [x28, 16]\n"
	"	cmp sp, x16\n"
	"probe_goes: b.ls 1f\n"
	"	str x30, [sp, -32]!\n"
	"	ldr x30, [sp], 32\n"
	"exit_goes_0: ret\n"
	"1:	bl other\n"
	"	b 0b\n"
	"end goes\n"
	"function signed\n"
	"	.arch armv8.3-a\n"
	"	paciasp\n"
	"	retaa\n"
	"end signed\n"
	"function exclusive\n"
	"1:	ldxr x0, [x1]\n"
	"	stxr w2, x0, [x1]\n"
	"	cbnz w2, 1b\n"
	"	ret\n"
	"end exclusive\n"
	"function literal\n"
	"	ldr x0, 1f\n"
	"	ret\n"
	"1:	.quad 0xd65f03c0\n"
	"end literal\n"
	"function tests\n"
	"	tbz x0, 3, other\n"
	"	ret\n"
	"end tests\n"
	"function runs_on\n"
	"	mov x0, 1\n"
	"end runs_on\n"
	".balign 64\nother: ret\n";

static void build(void)
{
	compile_write("program.s", program);
	compile_run("cc -nostdlib -shared -o program program.s");
}

static uint64_t address(const char *format, const char *name, unsigned number)
{
	char label[100];

	snprintf(label, sizeof(label), format, name, number);
	return compile_address("program", label);
}

static uint64_t size_of(const char *name)
{
	char command[300];
	uint64_t size = 0;
	FILE *out;

	snprintf(command, sizeof(command), "nm -S program | awk '$4 == \"%s\" { print $2 }'", name);
	out = compile_read(command);
	assert_int_equal(fscanf(out, "%" SCNx64, &size), 1);
	pclose(out);
	return size;
}

static struct image_range body(const char *name)
{
	uint64_t start = compile_address("program", name);

	return (struct image_range){ start, start + size_of(name) };
}

static void examine(const struct image *image, struct code_request request, struct code *code)
{
	assert_int_equal(code_examine(image, &request, code), 0);
}

static void examine_one(const struct image *image, const char *name, struct code *code)
{
	examine(image, (struct code_request){ .ranges = { body(name) }, .count = 1 }, code);
}

static void expect_sites(const struct code *code, const char *name, unsigned exits)
{
	assert_string_equal(code->lacks, "");
	assert_true(code->has_entry);
	assert_int_equal(code->entry.address, address("probe_%s", name, 0));
	assert_int_equal(code->exits.len, exits);
	for (unsigned i = 0; i < exits; i++)
		assert_int_equal(code->exits.data[i].address, address("exit_%s_%u", name, i));
}

static void sites_lie_at_the_labels(void **state)
{
	static const struct {
		const char *name;
		unsigned exits;
		enum code_step step;
		uint32_t pushed;
	} wanted[] = {
		{ "pushes", 2, CODE_EMULATED, 0x18 },  { "stepped", 1, CODE_STEPPED, 0 },
		{ "nop_first", 1, CODE_NOP5, 0 },      { "nop_later", 1, CODE_STEPPED, 0 },
		{ "loops", 1, CODE_STEPPED, 0 },       { "indirect", 4, CODE_EMULATED, 0 },
		{ "noreturn", 0, CODE_EMULATED, 0 },   { "guarded", 1, CODE_EMULATED, 0 },
		{ "goes_round", 1, CODE_EMULATED, 0 }, { "works", 4, CODE_EMULATED, 0 },
	};
	own(image_freep) struct image *image = NULL;

	(void)state;
	build();
	image = compile_image("program");
	for (size_t i = 0; i < array_len(wanted); i++) {
		struct code code;

		examine_one(image, wanted[i].name, &code);
		expect_sites(&code, wanted[i].name, wanted[i].exits);
		assert_int_equal(code.entry.step, wanted[i].step);
		assert_int_equal(code.entry.pushed, wanted[i].pushed);
		assert_int_equal(code.never_returns, !wanted[i].exits);
		code_done(&code);
	}
}

static bool build_arm64(void)
{
	compile_write("program.s", arm64_program);
	if (compile_try(
		    "clang-14 --target=aarch64-linux-gnu -march=armv8.5-a -fuse-ld=lld -nostdlib -shared "
		    "-o program program.s"))
		return true;
	print_message("no compiler and linker for arm64\n");
	skip();
	return false;
}

static void sites_of_arm64(void **state)
{
	static const struct {
		const char *name;
		unsigned exits;
		enum code_step step;
		uint32_t pushed;
		bool is_if;
	} wanted[] = {
		{ "pushes", 2, CODE_EMULATED, 80, false },
		{ "stepped", 1, CODE_STEPPED, 0, false },
		{ "indirect", 3, CODE_STEPPED, 0, false },
		{ "noreturn", 0, CODE_EMULATED, 0, false },
		{ "goes", 1, CODE_EMULATED, 0, true },
	};
	own(image_freep) struct image *image = NULL;

	(void)state;
	if (!build_arm64())
		return;
	image = compile_image("program");
	for (size_t i = 0; i < array_len(wanted); i++) {
		struct code code;

		examine(image,
			(struct code_request){ .ranges = { body(wanted[i].name) },
					       .count = 1,
					       .restarts = !strcmp(wanted[i].name, "goes") },
			&code);
		expect_sites(&code, wanted[i].name, wanted[i].exits);
		assert_int_equal(code.entry.step, wanted[i].step);
		assert_int_equal(code.entry.pushed, wanted[i].pushed);
		assert_int_equal(code.entry.is_if, wanted[i].is_if);
		assert_int_equal(code.never_returns, !wanted[i].exits);
		code_done(&code);
	}
}

static void jumps_of_arm64(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct code code;

	(void)state;
	if (!build_arm64())
		return;
	image = compile_image("program");
	examine_one(image, "indirect", &code);
	assert_int_equal(code.exits.data[0].kind, CODE_JUMP_IF);
	assert_int_equal(code.exits.data[0].condition, 8); /* hi */
	assert_int_equal(code.exits.data[1].kind, CODE_JUMP_REGISTER);
	assert_int_equal(code.exits.data[1].base, 17);
	assert_int_equal(code.exits.data[2].kind, CODE_RETURN);
	code_done(&code);
}

static void what_arm64_hides_is_refused_by_name(void **state)
{
	static const struct {
		const char *name, *says;
	} wanted[] = {
		{ "signed", "checks a signature" }, { "exclusive", "begins with a loop" },
		{ "literal", "has data" },          { "tests", "tested bit" },
		{ "runs_on", "runs on" },
	};
	own(image_freep) struct image *image = NULL;

	(void)state;
	if (!build_arm64())
		return;
	image = compile_image("program");
	for (size_t i = 0; i < array_len(wanted); i++) {
		struct code code;

		examine_one(image, wanted[i].name, &code);
		assert_non_null(strstr(code.lacks, wanted[i].says));
		assert_int_equal(code.exits.len, 0);
		code_done(&code);
	}
}

static void a_jump_says_where_it_leads(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct code code;

	(void)state;
	build();
	image = compile_image("program");
	examine_one(image, "indirect", &code);
	assert_int_equal(code.exits.data[0].kind, CODE_JUMP_IF);
	assert_int_equal(code.exits.data[0].condition, 4); /* je */
	assert_int_equal(code.exits.data[1].kind, CODE_JUMP_REGISTER);
	assert_int_equal(code.exits.data[1].base, 11);
	assert_int_equal(code.exits.data[2].kind, CODE_JUMP_MEMORY);
	assert_int_equal(code.exits.data[2].base, 2);
	assert_int_equal(code.exits.data[2].index, 9);
	assert_int_equal(code.exits.data[2].scale, 8);
	assert_int_equal(code.exits.data[2].displacement, 0x40);
	assert_int_equal(code.exits.data[3].kind, CODE_JUMP_MEMORY);
	assert_int_equal(code.exits.data[3].base, CODE_NO_REGISTER);
	assert_int_equal(code.exits.data[3].displacement, compile_address("program", "pointer"));
	code_done(&code);
}

static void what_cannot_be_seen_is_refused_by_name(void **state)
{
	static const struct {
		const char *name, *says;
		bool has_entry;
	} wanted[] = {
		{ "loop_first", "begins with a loop", false },
		{ "locked", "'add'", false },
		{ "runs_on", "runs on", true },
		{ "only_jumps", "nothing but leave", false },
		{ "garbage", "no instruction", true },
	};
	own(image_freep) struct image *image = NULL;

	(void)state;
	build();
	image = compile_image("program");
	for (size_t i = 0; i < array_len(wanted); i++) {
		struct code code;

		examine_one(image, wanted[i].name, &code);
		assert_non_null(strstr(code.lacks, wanted[i].says));
		assert_int_equal(code.has_entry, wanted[i].has_entry);
		assert_int_equal(code.exits.len, 0);
		code_done(&code);
	}
}

/* Where the kernel need not execute a copy, and a return behind it is certain. */
static void a_return_is_seen_where_it_is_cheaper(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct code code;

	(void)state;
	build();
	image = compile_image("program");
	examine_one(image, "guarded", &code);
	assert_int_equal(code.exits.data[0].kind, CODE_RETURN);
	assert_int_equal(code.exits.data[0].step, CODE_EMULATED);
	assert_int_equal(code.exits.data[0].pushed, 0x28);
	assert_true(code.exits.data[0].is_if);
	assert_int_equal(code.exits.data[0].condition, 5); /* jne */
	code_done(&code);
	examine(image,
		(struct code_request){
			.ranges = { body("guarded") }, .count = 1, .keeps_arguments = true },
		&code);
	assert_int_equal(code.exits.data[0].address, address("result_%s", "guarded", 0));
	assert_int_equal(code.exits.data[0].step, CODE_STEPPED);
	assert_int_equal(code.exits.data[0].pushed, 0);
	code_done(&code);
}

/* Without its cold part, the jump there would be taken for the end of the call. */
static void a_cold_part_belongs_to_its_function(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct code code;

	(void)state;
	build();
	image = compile_image("program");
	examine(image,
		(struct code_request){ .ranges = { body("cold_jumps"), body("the_cold") },
				       .count = 2 },
		&code);
	expect_sites(&code, "cold_jumps", 2);
	assert_int_equal(code.exits.data[1].kind, CODE_RETURN);
	code_done(&code);
	examine_one(image, "cold_jumps", &code);
	assert_int_equal(code.exits.data[0].kind, CODE_JUMP_IF);
	code_done(&code);
}

/* Go enters a function again where the stack had to grow; elsewhere that is a loop. */
static void go_may_jump_back_to_the_beginning(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct code code;

	(void)state;
	build();
	image = compile_image("program");
	examine(image,
		(struct code_request){
			.ranges = { body("loop_first") }, .count = 1, .restarts = true },
		&code);
	assert_string_equal(code.lacks, "");
	assert_true(code.entry.is_if);
	assert_int_equal(code.entry.condition, 5); /* jne */
	code_done(&code);
}

static void a_symbol_may_lie(void **state)
{
	own(image_freep) struct image *image = NULL;
	struct code_request request = { .count = 1 };
	struct code code;

	(void)state;
	build();
	image = compile_image("program");
	request.ranges[0] = (struct image_range){ 16, 16 };
	examine(image, request, &code);
	assert_non_null(strstr(code.lacks, "no size"));
	request.ranges[0] = (struct image_range){ 16, 16 + CODE_MAX_BYTES + 1 };
	examine(image, request, &code);
	assert_non_null(strstr(code.lacks, "more than"));
	request.ranges[0] = (struct image_range){ 1ull << 60, (1ull << 60) + 100 };
	assert_int_equal(code_examine(image, &request, &code), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sites_lie_at_the_labels),
		cmocka_unit_test(sites_of_arm64),
		cmocka_unit_test(jumps_of_arm64),
		cmocka_unit_test(what_arm64_hides_is_refused_by_name),
		cmocka_unit_test(a_jump_says_where_it_leads),
		cmocka_unit_test(what_cannot_be_seen_is_refused_by_name),
		cmocka_unit_test(a_return_is_seen_where_it_is_cheaper),
		cmocka_unit_test(a_cold_part_belongs_to_its_function),
		cmocka_unit_test(go_may_jump_back_to_the_beginning),
		cmocka_unit_test(a_symbol_may_lie),
	};

	return compile_clean(test_run(tests));
}
