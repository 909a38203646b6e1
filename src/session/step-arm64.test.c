/* SPDX-License-Identifier: MIT */
/* One step of a walk, on made-up stacks: the rules of arm64, on whatever processor this runs. */
#include <stdbool.h>

#include "base/test.h"

#define STACK 0x7fff0000ull /* address of the first word */
#define WORDS 128
#define CODE  0x0000aaaabbbbccc0ull
#define SEAL  0x003b000000000000ull /* an authentication code */

static bool read_words(void *context, uint64_t address, uint64_t words[2]);
static uint64_t read_register(void *context, uint32_t number);
#define UNWIND_READ     read_words
#define UNWIND_REGISTER read_register
#define UNWIND_ARM64
#include "probe/unwind.h"

static bool read_words(void *context, uint64_t address, uint64_t words[2])
{
	const uint64_t *stack = context;
	uint64_t at = (address - STACK) / 8;

	if (address < STACK || (address & 7) || at + 1 >= WORDS)
		return false;
	words[0] = stack[at];
	words[1] = stack[at + 1];
	return true;
}

static uint64_t read_register(void *context, uint32_t number)
{
	(void)context;
	(void)number;
	assert_true(!"a rule of this processor asks for another register");
	return 0;
}

#define at_word(n) (STACK + 8 * (n))

static void expect_regs(struct unwind_regs regs, uint64_t ip, uint64_t sp, uint64_t fp, uint64_t lr)
{
	assert_int_equal(regs.ip, ip);
	assert_int_equal(regs.sp, sp);
	assert_int_equal(regs.fp, fp);
	assert_int_equal(regs.lr, lr);
}

/* A function that calls nothing leaves the return address in the link register. */
static void leaves_a_leaf(void **state)
{
	struct unwind_rule leaf = { UNWIND_SP, 0, 0, 0, 0 },
			   seal = { UNWIND_SP, UNWIND_RA_SIGNED, 16, 0, 0 };
	struct unwind_regs regs = { 0x1000, at_word(2), 7, CODE };
	uint64_t stack[WORDS] = { 0 };

	(void)state;
	assert_int_equal(unwind_apply(stack, leaf, &regs), UNWIND_CALLER);
	expect_regs(regs, CODE, at_word(2), 7, 0);
	assert_int_equal(unwind_apply(stack, leaf, &regs), UNWIND_LOST); /* that was the last one */
	regs = (struct unwind_regs){ 0x1000, at_word(2), 7, CODE | SEAL };
	assert_int_equal(unwind_apply(stack, seal, &regs), UNWIND_CALLER);
	expect_regs(regs, CODE, at_word(4), 7, 0);
}

static void leaves_a_frame(void **state)
{
	struct unwind_rule rule = { UNWIND_FP, UNWIND_RA_SAVED | UNWIND_FP_SAVED | UNWIND_RA_SIGNED,
				    32, -32, -24 };
	struct unwind_regs regs = { 0x1000, at_word(2), at_word(8), 0x1234 };
	uint64_t stack[WORDS] = { [8] = at_word(20), [9] = CODE | SEAL };

	(void)state;
	assert_int_equal(unwind_apply(stack, rule, &regs), UNWIND_CALLER);
	expect_regs(regs, CODE, at_word(12), at_word(20), 0); /* lr was the leaf's */
	rule.saved = UNWIND_RA_SAVED | UNWIND_FP_SAVED;
	rule.fp = -16, rule.ra = -32; /* not beside each other */
	regs = (struct unwind_regs){ 0x1000, at_word(2), at_word(8), 0x1234 };
	stack[8] = CODE, stack[10] = 77;
	assert_int_equal(unwind_apply(stack, rule, &regs), UNWIND_CALLER);
	expect_regs(regs, CODE, at_word(12), 77, 0);
}

static void follows_frame_records(void **state)
{
	struct unwind_regs regs = { 0x1000, at_word(2), at_word(8), 0x1234 };
	uint64_t stack[WORDS] = { [8] = at_word(20), [9] = CODE | SEAL };

	(void)state;
	assert_int_equal(unwind_by_fp(stack, &regs), UNWIND_CALLER);
	expect_regs(regs, CODE, at_word(10), at_word(20), 0);
}

/* siginfo 128 bytes, then ucontext, whose registers begin at 184. */
static void resumes_behind_a_signal(void **state)
{
	struct unwind_regs regs = { 0x1000, at_word(0), 7, 0 };
	uint64_t stack[WORDS] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 31; i++)
		stack[(128 + 184) / 8 + i] = 100 + i; /* x0 to x30 */
	stack[(128 + 184) / 8 + 31] = at_word(90);
	stack[(128 + 184) / 8 + 32] = CODE;
	assert_int_equal(unwind_apply(stack, (struct unwind_rule){ .kind = UNWIND_SIGNAL }, &regs),
			 UNWIND_RESUMED);
	expect_regs(regs, CODE, at_word(90), 129, 130); /* the leaf's link register counts again */
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(leaves_a_leaf),
		cmocka_unit_test(leaves_a_frame),
		cmocka_unit_test(follows_frame_records),
		cmocka_unit_test(resumes_behind_a_signal),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
