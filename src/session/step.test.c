/* SPDX-License-Identifier: MIT */
/* One step of a walk, on made-up stacks: the rules of x86-64. */
#include <stdbool.h>

#include "base/test.h"

#define STACK 0x7fff0000ull /* address of the first word */
#define WORDS 64

struct stack {
	uint64_t words[WORDS];
	unsigned reads;
};

static bool read_words(void *context, uint64_t address, uint64_t words[2]);
static uint64_t read_register(void *context, uint32_t number);
#define UNWIND_READ     read_words
#define UNWIND_REGISTER read_register
#include "probe/unwind.h"

static bool read_words(void *context, uint64_t address, uint64_t words[2])
{
	struct stack *stack = context;
	uint64_t at = (address - STACK) / 8;

	stack->reads++;
	if (address < STACK || (address & 7) || at + 1 >= WORDS)
		return false;
	words[0] = stack->words[at];
	words[1] = stack->words[at + 1];
	return true;
}

/* Register n holds the address of word 8 + n. */
static uint64_t read_register(void *context, uint32_t number)
{
	(void)context;
	return STACK + 8 * (8 + number);
}

#define at_word(n) (STACK + 8 * (n))

/* A stack in which every word tells its own number: word n holds 1,000 + n. */
static struct stack numbered(void)
{
	struct stack stack = { 0 };

	for (unsigned i = 0; i < WORDS; i++)
		stack.words[i] = 1000 + i;
	return stack;
}

static void expect_regs(struct unwind_regs regs, uint64_t ip, uint64_t sp, uint64_t fp)
{
	assert_int_equal(regs.ip, ip);
	assert_int_equal(regs.sp, sp);
	assert_int_equal(regs.fp, fp);
}

#define SAVED_RA   UNWIND_RA_SAVED
#define SAVED_BOTH (UNWIND_RA_SAVED | UNWIND_FP_SAVED)

static void steps_by_stack_pointer(void **state)
{
	struct unwind_regs regs = { 0x400000, at_word(2), 77, 0 };
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(
		unwind_apply(&stack, (struct unwind_rule){ UNWIND_SP, SAVED_RA, 24, 0, -8 }, &regs),
		UNWIND_CALLER);
	expect_regs(regs, 1004, at_word(5), 77); /* fp unchanged */
	assert_int_equal(unwind_apply(&stack,
				      (struct unwind_rule){ UNWIND_SP, SAVED_BOTH, 32, -24, -8 },
				      &regs),
			 UNWIND_CALLER);
	expect_regs(regs, 1008, at_word(9), 1006);
}

static void steps_by_frame_pointer(void **state)
{
	struct unwind_regs regs = { 0x400000, at_word(2), at_word(10), 0 };
	struct stack stack = numbered();

	(void)state;
	stack.words[10] = at_word(20);
	assert_int_equal(unwind_apply(&stack,
				      (struct unwind_rule){ UNWIND_FP, SAVED_BOTH, 16, -16, -8 },
				      &regs),
			 UNWIND_CALLER);
	expect_regs(regs, 1011, at_word(12), at_word(20));
	assert_int_equal(stack.reads, 1); /* both words at once */
}

/* The frames of a function that realigned its stack. */
static void steps_by_saved_pointer(void **state)
{
	struct unwind_regs regs = { 0x400000, at_word(2), at_word(10), 0 };
	struct stack stack = numbered();

	(void)state;
	stack.words[9] = at_word(15);
	stack.words[10] = 4242;
	assert_int_equal(
		unwind_apply(&stack,
			     (struct unwind_rule){ UNWIND_DEREF_FP, SAVED_RA, -1 * 256, 0, -8 },
			     &regs),
		UNWIND_CALLER);
	expect_regs(regs, 1014, at_word(15), at_word(10));
	regs = (struct unwind_regs){ 0x400000, at_word(2), 7, 0 };
	stack.words[4] = at_word(15);
	assert_int_equal(
		unwind_apply(&stack,
			     (struct unwind_rule){ UNWIND_DEREF_SP, SAVED_RA, 2 * 256 + 8, 0, -8 },
			     &regs),
		UNWIND_CALLER);
	expect_regs(regs, 1015, at_word(16), 7);
}

/* There, the caller's frame pointer is where this one points. */
static void finds_the_frame_pointer_by_itself(void **state)
{
	struct unwind_rule rule = { UNWIND_DEREF_FP, SAVED_BOTH | UNWIND_FP_BY_FP, -1 * 256, 8,
				    -8 };
	struct unwind_regs regs = { 0x400000, at_word(2), at_word(10), 0 };
	struct stack stack = numbered();

	(void)state;
	stack.words[9] = at_word(15);
	assert_int_equal(unwind_apply(&stack, rule, &regs), UNWIND_CALLER);
	expect_regs(regs, 1014, at_word(15), 1011);
	rule.fp = -16; /* beside the return address, if it were counted from the CFA */
	regs = (struct unwind_regs){ 0x400000, at_word(2), at_word(10), 0 };
	assert_int_equal(unwind_apply(&stack, rule, &regs), UNWIND_CALLER);
	expect_regs(regs, 1014, at_word(15), 1008);
}

/* Between the pop of rbp and the return its slot lies below sp, where a copied stack does not reach. */
static void keeps_a_frame_pointer_that_was_popped(void **state)
{
	struct unwind_rule usual = { UNWIND_SP, SAVED_BOTH, 8, -16, -8 };
	struct unwind_rule among = { UNWIND_SP, SAVED_BOTH, 16, -40, -8 };
	struct unwind_rule far = { UNWIND_SP, SAVED_BOTH, 8, -16 - 128, -8 };
	struct unwind_regs regs = { 0x400000, at_word(0), 77, 0 };
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_apply(&stack, usual, &regs), UNWIND_CALLER);
	expect_regs(regs, 1000, at_word(1), 77);
	regs = (struct unwind_regs){ 0x400000, at_word(0), 77, 0 };
	assert_int_equal(unwind_apply(&stack, among, &regs), UNWIND_CALLER);
	expect_regs(regs, 1001, at_word(2), 77);
	regs = (struct unwind_regs){ 0x400000, at_word(3), 77, 0 };
	assert_int_equal(unwind_apply(&stack, usual, &regs), UNWIND_CALLER);
	expect_regs(regs, 1003, at_word(4), 1002); /* it is still there */
	regs = (struct unwind_regs){ 0x400000, at_word(0), 77, 0 };
	assert_int_equal(unwind_apply(&stack, far, &regs), UNWIND_FAULT);
}

static void steps_through_a_plt(void **state)
{
	struct unwind_rule plt = { UNWIND_PLT, SAVED_RA, 11, 0, -8 };
	struct stack stack = numbered();

	(void)state;
	for (unsigned byte = 0; byte < 16; byte++) {
		struct unwind_regs regs = { 0x400000 + byte, at_word(2), 7, 0 };

		assert_int_equal(unwind_apply(&stack, plt, &regs), UNWIND_CALLER);
		expect_regs(regs, byte < 11 ? 1002 : 1003, at_word(byte < 11 ? 3 : 4), 7);
	}
}

/* struct rt_sigframe as the kernel lays it out, without the return address that was popped. */
static void resumes_behind_a_signal(void **state)
{
	struct unwind_regs regs = { 0x400000, at_word(2), 7, 0 };
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_apply(&stack, (struct unwind_rule){ .kind = UNWIND_SIGNAL }, &regs),
			 UNWIND_RESUMED);
	expect_regs(regs, 1002 + 168 / 8, 1002 + 160 / 8, 1002 + 120 / 8);
}

static void ends_at_the_root(void **state)
{
	struct unwind_regs regs = { 0x400000, at_word(2), 7, 0 };
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_apply(&stack, (struct unwind_rule){ .kind = UNWIND_ROOT }, &regs),
			 UNWIND_AT_ROOT);
	stack.words[2] = 0;
	assert_int_equal(
		unwind_apply(&stack, (struct unwind_rule){ UNWIND_SP, SAVED_RA, 8, 0, -8 }, &regs),
		UNWIND_AT_ROOT);
}

/* Code without call frame information: its frame pointer, if it can be one. */
static void follows_frame_pointers_without_a_rule(void **state)
{
	struct unwind_rule none = { .kind = UNWIND_NONE }, hard = { .kind = UNWIND_HARD };
	struct unwind_regs regs = { 0x400000, at_word(2), at_word(8), 0 };
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_apply(&stack, none, &regs), UNWIND_CALLER);
	expect_regs(regs, 1009, at_word(10), 1008);
	regs = (struct unwind_regs){ 0x400000, at_word(2), 0, 0 };
	assert_int_equal(unwind_apply(&stack, none, &regs), UNWIND_AT_ROOT);
	assert_int_equal(unwind_apply(&stack, hard, &regs), UNWIND_LOST); /* rbp is data here */
	regs.fp = at_word(8);
	assert_int_equal(unwind_apply(&stack, hard, &regs), UNWIND_LOST);
}

static void refuses_what_is_no_frame(void **state)
{
	static const uint64_t bad[] = { 1, at_word(1), at_word(3) + 4, at_word(2) + (2 << 20),
					UINT64_MAX - 7 };
	struct stack stack = numbered();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct unwind_regs regs = { 0x400000, at_word(2), bad[i], 0 };

		assert_int_equal(unwind_by_fp(&stack, &regs), UNWIND_LOST);
		expect_regs(regs, 0x400000, at_word(2), bad[i]);
		assert_true(unwind_apply(&stack,
					 (struct unwind_rule){ UNWIND_FP, SAVED_RA, -16, 0, -8 },
					 &regs) >= UNWIND_FAULT);
	}
}

static void says_when_memory_is_missing(void **state)
{
	struct unwind_regs regs = { 0x400000, at_word(WORDS - 2), at_word(WORDS - 1), 0 };
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_by_fp(&stack, &regs), UNWIND_FAULT);
	assert_int_equal(
		unwind_apply(&stack, (struct unwind_rule){ UNWIND_SP, SAVED_RA, 64, 0, -8 }, &regs),
		UNWIND_FAULT);
	assert_int_equal(
		unwind_apply(&stack,
			     (struct unwind_rule){ UNWIND_DEREF_SP, SAVED_RA, 8 * 256, 0, -8 },
			     &regs),
		UNWIND_FAULT);
	assert_int_equal(unwind_apply(&stack, (struct unwind_rule){ .kind = UNWIND_SIGNAL }, &regs),
			 UNWIND_FAULT);
}

/* Frames that point at each other: every step must go up, so a walk over them ends. */
static void never_goes_down(void **state)
{
	struct unwind_rule rules[] = {
		{ UNWIND_FP, SAVED_BOTH, 16, -16, -8 },
		{ UNWIND_DEREF_FP, SAVED_BOTH, 0, 0, -8 },
		{ .kind = UNWIND_NONE },
	};
	struct stack stack = { 0 };

	(void)state;
	for (unsigned i = 0; i < WORDS; i += 2) {
		stack.words[i] = at_word(i ^ 2);
		stack.words[i + 1] = 0x400000;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct unwind_regs regs = { 0x400000, at_word(2), at_word(4), 0 };
		unsigned steps = 0;

		while (unwind_apply(&stack, rules[i], &regs) == UNWIND_CALLER)
			assert_true(++steps < WORDS);
	}
}

/* Assembler code keeps the stack pointer in a register: in the first frame any will do, above it one that
 * functions need not restore.
 */
static void steps_by_another_register(void **state)
{
	struct unwind_rule by_rax = { UNWIND_OTHER, SAVED_RA | 0 << 4, 8, 0, -8 };
	struct unwind_rule by_rbx = { UNWIND_OTHER, SAVED_BOTH | 3 << 4, 16, -16, -8 };
	struct unwind_rule odd = { UNWIND_OTHER, SAVED_RA | 0 << 4, 9, 0, -8 };
	struct unwind_rule far = { UNWIND_OTHER, SAVED_RA | 0 << 4, -64, 0, -8 };
	struct unwind_regs first = { 0x400000, at_word(2), 77, 0, UNWIND_KEPT_ALL }, regs = first;
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_apply(&stack, by_rbx, &regs), UNWIND_CALLER);
	expect_regs(regs, 1012, at_word(13), 1011);
	assert_int_equal(regs.kept, UNWIND_KEPT_SCRATCH);
	assert_int_equal(unwind_apply(&stack, by_rbx, &regs), UNWIND_LOST);

	regs = (struct unwind_regs){ 0x400000, at_word(2), 77, 0, UNWIND_KEPT_SCRATCH };
	assert_int_equal(unwind_apply(&stack, by_rax, &regs), UNWIND_CALLER);
	expect_regs(regs, 1008, at_word(9), 77);
	assert_int_equal(regs.kept, UNWIND_KEPT_SCRATCH);

	regs = first;
	assert_int_equal(unwind_apply(&stack, odd, &regs), UNWIND_LOST);
	regs = first;
	assert_int_equal(unwind_apply(&stack, far, &regs), UNWIND_LOST);
	regs = (struct unwind_regs){ 0x400000, at_word(2), 77, 0, UNWIND_KEPT_NONE };
	assert_int_equal(unwind_apply(&stack, by_rax, &regs), UNWIND_LOST);
	regs = (struct unwind_regs){ 0x400000, at_word(2), at_word(4), 0, UNWIND_KEPT_ALL };
	assert_int_equal(unwind_apply(&stack, (struct unwind_rule){ .kind = UNWIND_NONE }, &regs),
			 UNWIND_CALLER);
	assert_int_equal(regs.kept, UNWIND_KEPT_NONE);
}

/* Where the file's rules follow it, rbx is known further up: unchanged, or as a frame has saved it. */
static void follows_rbx(void **state)
{
	const u8 bx = SAVED_RA | UNWIND_BX_FOLLOWED;
	struct unwind_rule by_rbx = { UNWIND_OTHER, bx | UNWIND_BX << 4, 16, 0, 0 };
	struct unwind_rule leaf = { UNWIND_SP, bx, 8, 0, 0 },
			   pushes = { UNWIND_SP, bx, 16, 0, -16 };
	struct unwind_rule plain = { UNWIND_SP, SAVED_RA, 8, 0, -8 };
	const struct unwind_regs first = { 0x400000, at_word(2), 77, 0, UNWIND_KEPT_ALL, 0 };
	struct unwind_regs regs = first;
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_apply(&stack, leaf, &regs), UNWIND_CALLER);
	assert_int_equal(unwind_apply(&stack, by_rbx, &regs), UNWIND_CALLER);
	expect_regs(regs, 1012, at_word(13), 77); /* the register: word 8 + 3 */

	regs = first;
	stack.words[2] = at_word(20);
	assert_int_equal(unwind_apply(&stack, pushes, &regs), UNWIND_CALLER);
	expect_regs(regs, 1003, at_word(4), 77);
	assert_int_equal(unwind_apply(&stack, leaf, &regs), UNWIND_CALLER);
	assert_int_equal(unwind_apply(&stack, by_rbx, &regs), UNWIND_CALLER);
	expect_regs(regs, 1021, at_word(22), 77); /* what was pushed */

	regs = first;
	assert_int_equal(unwind_apply(&stack, plain, &regs), UNWIND_CALLER);
	assert_int_equal(unwind_apply(&stack, by_rbx, &regs),
			 UNWIND_LOST); /* might be saved there */
	regs = first;
	pushes.ra = (s16)(8 * WORDS); /* cannot be read: what is known ends, the walk does not */
	assert_int_equal(unwind_apply(&stack, pushes, &regs), UNWIND_CALLER);
	assert_int_equal(regs.kept, UNWIND_KEPT_SCRATCH);
}

/* vfork() takes its return address from the stack, for its child returns first. */
static void returns_to_a_register(void **state)
{
	struct unwind_rule in_rdi = { UNWIND_SP, 5 << 4, 0, 0, 0 };
	struct unwind_regs regs = { 0x400000, at_word(2), 77, 0, UNWIND_KEPT_ALL, 0 };
	struct stack stack = numbered();

	(void)state;
	assert_int_equal(unwind_apply(&stack, in_rdi, &regs), UNWIND_CALLER);
	expect_regs(regs, at_word(13), at_word(2), 77);
	regs.kept = UNWIND_KEPT_NONE;
	assert_int_equal(unwind_apply(&stack, in_rdi, &regs), UNWIND_LOST);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(steps_by_stack_pointer),
		cmocka_unit_test(steps_by_frame_pointer),
		cmocka_unit_test(steps_by_saved_pointer),
		cmocka_unit_test(steps_by_another_register),
		cmocka_unit_test(follows_rbx),
		cmocka_unit_test(returns_to_a_register),
		cmocka_unit_test(finds_the_frame_pointer_by_itself),
		cmocka_unit_test(keeps_a_frame_pointer_that_was_popped),
		cmocka_unit_test(steps_through_a_plt),
		cmocka_unit_test(resumes_behind_a_signal),
		cmocka_unit_test(ends_at_the_root),
		cmocka_unit_test(follows_frame_pointers_without_a_rule),
		cmocka_unit_test(refuses_what_is_no_frame),
		cmocka_unit_test(says_when_memory_is_missing),
		cmocka_unit_test(never_goes_down),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
