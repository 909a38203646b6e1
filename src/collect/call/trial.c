/* SPDX-License-Identifier: MIT */
#include "collect/call/trial.h"

#include "base/clock.h"
#include "collect/own_code.h"

#define ROUNDS     5
#define ROUND_HITS 40

#if defined(__x86_64__) || defined(__aarch64__)
#if defined(__x86_64__)
/* The kernel emulates `nop` and executes a copy of `ret`. */
__asm__(".text\n"
	".globl trial_entered\n.hidden trial_entered\n.type trial_entered, @function\n"
	"trial_entered: nop\nret\n.size trial_entered, . - trial_entered\n"
	".globl trial_timed\n.hidden trial_timed\n.type trial_timed, @function\n"
	"trial_timed: nop\n"
	".globl trial_return\n.hidden trial_return\n"
	"trial_return: ret\n.size trial_timed, . - trial_timed\n"
	".globl trial_hooked\n.hidden trial_hooked\n.type trial_hooked, @function\n"
	"trial_hooked: nop\nret\n.size trial_hooked, . - trial_hooked\n");
#else
/* The kernel emulates `adr` and `ret`, and executes a copy of `mov`. */
__asm__(".text\n"
	".globl trial_entered\n.hidden trial_entered\n.type trial_entered, %function\n"
	"trial_entered: adr x9, .\nret\n.size trial_entered, . - trial_entered\n"
	".globl trial_timed\n.hidden trial_timed\n.type trial_timed, %function\n"
	"trial_timed: adr x9, .\n"
	".globl trial_return\n.hidden trial_return\n"
	"trial_return: mov x9, x10\nret\n.size trial_timed, . - trial_timed\n"
	".globl trial_hooked\n.hidden trial_hooked\n.type trial_hooked, %function\n"
	"trial_hooked: adr x9, .\nret\n.size trial_hooked, . - trial_hooked\n");
#endif
void trial_hooked(void);
void trial_entered(void);
void trial_timed(void);
void trial_return(void);

bool trial_plan(uint32_t function, struct trial_plan *ret_plan)
{
	*ret_plan = (struct trial_plan){
		.path = own_code_file(),
		.sites = {
			{ .function = function, .kind = CALL_ENTRY },
			{ .function = function + 1, .kind = CALL_ENTRY },
			{ .function = function + 1, .kind = CALL_RETURN },
			{ .function = function + 2, .kind = CALL_ENTRY },
			{ .function = function + 2, .kind = CALL_HOOKED },
		},
		.offsets = { own_code_offset(trial_entered), own_code_offset(trial_timed),
			     own_code_offset(trial_return), own_code_offset(trial_hooked),
			     own_code_offset(trial_hooked) },
	};
	return true;
}

/* The least of some rounds: what disturbs only makes it longer. */
static uint64_t least_ns(void (*function)(void))
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t began = clock_mono_ns(), took;

		for (int j = 0; j < ROUND_HITS; j++)
			function();
		took = (clock_mono_ns() - began) / ROUND_HITS;
		least = took < least ? took : least;
	}
	return least;
}

void trial_run(struct calls_costs *ret_costs)
{
	uint64_t entered = least_ns(trial_entered), timed = least_ns(trial_timed);
	uint64_t hooked = least_ns(trial_hooked);

	ret_costs->ns[CALL_EMULATED] = entered;
	ret_costs->ns[CALL_STEPPED] = timed > entered ? timed - entered : 0;
	ret_costs->ns[CALL_TRAMPOLINE] = hooked > entered ? hooked - entered : 0;
}
#else
bool trial_plan(uint32_t function, struct trial_plan *ret_plan)
{
	(void)function;
	(void)ret_plan;
	return false;
}

void trial_run(struct calls_costs *ret_costs)
{
	*ret_costs = (struct calls_costs){ 0 };
}
#endif
