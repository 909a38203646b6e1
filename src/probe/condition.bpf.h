/* SPDX-License-Identifier: Dual MIT/GPL */
/* condition.bpf.h - what the registers at a probe say: whether a conditional jump there jumps, and which
 * goroutine runs.
 */
#ifndef PROBE_CONDITION_BPF_H
#define PROBE_CONDITION_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#if defined(__TARGET_ARCH_x86)
#define FLAG_CARRY     0x001
#define FLAG_PARITY    0x004
#define FLAG_ZERO      0x040
#define FLAG_SIGN      0x080
#define FLAG_OVERFLOW  0x800

#define goroutine(ctx) ((ctx)->r14)

/* Whether Jcc with these four bits of its opcode would jump. */
static __always_inline bool condition_holds(const struct pt_regs *ctx, u8 condition)
{
	u64 flags = ctx->eflags;
	bool is_less = !(flags & FLAG_SIGN) != !(flags & FLAG_OVERFLOW), holds = false;

	switch (condition >> 1) {
	case 0:
		holds = flags & FLAG_OVERFLOW;
		break;
	case 1:
		holds = flags & FLAG_CARRY;
		break;
	case 2:
		holds = flags & FLAG_ZERO;
		break;
	case 3:
		holds = flags & (FLAG_CARRY | FLAG_ZERO);
		break;
	case 4:
		holds = flags & FLAG_SIGN;
		break;
	case 5:
		holds = flags & FLAG_PARITY;
		break;
	case 6:
		holds = is_less;
		break;
	case 7:
		holds = is_less || flags & FLAG_ZERO;
		break;
	}
	return holds != (condition & 1);
}
#elif defined(__TARGET_ARCH_arm64)
#define FLAG_NEGATIVE  (1ull << 31)
#define FLAG_ZERO      (1ull << 30)
#define FLAG_CARRY     (1ull << 29)
#define FLAG_OVERFLOW  (1ull << 28)

#define user_regs(ctx) ((const struct user_pt_regs *)(ctx))
#define goroutine(ctx) (user_regs(ctx)->regs[28])

/* Whether B.cond with this condition would jump. */
static __always_inline bool condition_holds(const struct pt_regs *ctx, u8 condition)
{
	u64 flags = user_regs(ctx)->pstate;
	bool is_less = !(flags & FLAG_NEGATIVE) != !(flags & FLAG_OVERFLOW), holds = true;

	switch (condition >> 1) {
	case 0:
		holds = flags & FLAG_ZERO;
		break;
	case 1:
		holds = flags & FLAG_CARRY;
		break;
	case 2:
		holds = flags & FLAG_NEGATIVE;
		break;
	case 3:
		holds = flags & FLAG_OVERFLOW;
		break;
	case 4:
		holds = flags & FLAG_CARRY && !(flags & FLAG_ZERO);
		break;
	case 5:
		holds = !is_less;
		break;
	case 6:
		holds = !is_less && !(flags & FLAG_ZERO);
		break;
	case 7:
		return true;
	}
	return holds != (condition & 1);
}
#endif

#endif
