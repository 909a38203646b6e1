/* SPDX-License-Identifier: Dual MIT/GPL */
/* call.bpf.h - a system call of the current thread, from the registers that its tracepoints hand over.
 *
 * The arguments stay in the registers until the call returns, so a program that looks at what failed
 * needs no hook at its beginning.
 */
#ifndef PROBE_CALL_BPF_H
#define PROBE_CALL_BPF_H

#include "probe/regs.bpf.h"
#include "probe/syscalls.h"

#define CALL_ERRNO_MAX 4095 /* a greater negative result is an address */
#define CALL_EINTR     4
#define CALL_RESTART \
	512 /* to 516, include/linux/errno.h: interrupted by a signal, perhaps to go on */

/* The errno of a result; 0: it did not fail. */
static __always_inline u32 call_errno(long result)
{
	if (result >= 0 || result < -CALL_ERRNO_MAX)
		return 0;
	return result <= -CALL_RESTART && result >= -CALL_RESTART - 4 ? CALL_EINTR : (u32)-result;
}

#if defined(__TARGET_ARCH_x86)
#define THREAD_COMPAT 0x02 /* TS_COMPAT, arch/x86/include/asm/thread_info.h */

/* The number; -1: in no call, or its registers were replaced by those of a signal's frame. */
static __always_inline long call_number(void *regs)
{
	return (long)BPF_CORE_READ((struct pt_regs___x86 *)regs, orig_ax);
}

/* Likewise of bpf_get_current_task_btf(): cheaper. */
static __always_inline long call_of_task(struct task_struct *task)
{
	return (long)((struct pt_regs___x86 *)bpf_task_pt_regs(task))->orig_ax;
}

/* Whether bpf_get_current_task_btf() has called by way of the 32-bit ABI, which has other numbers. */
static __always_inline bool call_is_compat(struct task_struct *task)
{
	return ((struct thread_info___x86 *)&task->thread_info)->status & THREAD_COMPAT;
}

/* Arguments 0 to 4; @index is a constant. */
static __always_inline u64 call_argument(void *regs, int index)
{
	struct pt_regs___x86 *r = regs;

	switch (index) {
	case 0:
		return BPF_CORE_READ(r, di);
	case 1:
		return BPF_CORE_READ(r, si);
	case 2:
		return BPF_CORE_READ(r, dx);
	case 3:
		return BPF_CORE_READ(r, r10);
	default:
		return BPF_CORE_READ(r, r8);
	}
}

#elif defined(__TARGET_ARCH_arm64)
#define THREAD_COMPAT (1ul << 22) /* TIF_32BIT, arch/arm64/include/asm/thread_info.h */

static __always_inline long call_number(void *regs)
{
	return BPF_CORE_READ((struct pt_regs___arm *)regs, syscallno);
}

static __always_inline long call_of_task(struct task_struct *task)
{
	return ((struct pt_regs___arm *)bpf_task_pt_regs(task))->syscallno;
}

static __always_inline bool call_is_compat(struct task_struct *task)
{
	return task->thread_info.flags & THREAD_COMPAT;
}

static __always_inline u64 call_argument(void *regs, int index)
{
	struct pt_regs___arm *r = regs;

	return index ? BPF_CORE_READ(r, regs[index]) : BPF_CORE_READ(r, orig_x0);
}
#endif

#endif
