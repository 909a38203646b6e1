/* SPDX-License-Identifier: Dual MIT/GPL */
/* regs.bpf.h - the few user registers from which a stack walk starts, on each processor. */
#ifndef PROBE_REGS_BPF_H
#define PROBE_REGS_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct syscall_regs {
	long number;
	u64 first, second; /* arguments */
	bool is_compat;    /* of a 32-bit program: other numbers */
};

struct regs {
	u64 ip, sp, fp;
	u64 lr;         /* arm64: return address that may not be on the stack yet */
	bool is_compat; /* a 32-bit program: its frames are laid out otherwise */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
/* The kernel's own names; the struct pt_regs of the uapi headers has others. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs___x86 {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip,
		sp;
	unsigned short cs;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___arm {
	u64 regs[31];
	u64 sp, pc, pstate;
	u64 orig_x0;
	s32 syscallno;
};
#endif
#pragma clang attribute pop

#if defined(__TARGET_ARCH_x86)
#define SEGMENT_USER_32 0x23 /* __USER32_CS, arch/x86/include/asm/segment.h */
#define regs_is_user(r) (((r)->cs & 3) == 3)
#define regs_ip(r)      ((r)->rip)

/* The registers that a task which is not running elsewhere will have again in user mode. */
static __always_inline void regs_of(struct task_struct *task, struct regs *regs)
{
	struct pt_regs___x86 *r = (void *)bpf_task_pt_regs(task);

	*regs = (struct regs){ r->ip, r->sp, r->bp, 0, r->cs == SEGMENT_USER_32 };
}

/* All of them, by their numbers in DWARF. */
static __always_inline void regs_all_of(struct task_struct *task, u64 all[16])
{
	struct pt_regs___x86 *r = (void *)bpf_task_pt_regs(task);

	all[0] = r->ax;
	all[1] = r->dx;
	all[2] = r->cx;
	all[3] = r->bx;
	all[4] = r->si;
	all[5] = r->di;
	all[6] = r->bp;
	all[7] = r->sp;
	all[8] = r->r8;
	all[9] = r->r9;
	all[10] = r->r10;
	all[11] = r->r11;
	all[12] = r->r12;
	all[13] = r->r13;
	all[14] = r->r14;
	all[15] = r->r15;
}

/* The instruction pointer of registers that lie somewhere in kernel memory. */
static __always_inline u64 regs_kernel_ip(void *regs)
{
	return BPF_CORE_READ((struct pt_regs___x86 *)regs, ip);
}

/* The system call that a task is in; its number is below 0 where it is in none. */
static __always_inline void syscall_of_task(struct task_struct *task, struct syscall_regs *call)
{
	struct pt_regs___x86 *r = (void *)bpf_task_pt_regs(task);

	*call = (struct syscall_regs){ (long)r->orig_ax, r->di, r->si, r->cs == SEGMENT_USER_32 };
}

/* Whether a task that is in the kernel is in no system call. */
static __always_inline bool regs_is_trap(struct task_struct *task)
{
	return (long)((struct pt_regs___x86 *)bpf_task_pt_regs(task))->orig_ax == -1;
}

#elif defined(__TARGET_ARCH_arm64)
#define PSTATE_32       0x10 /* PSR_MODE32_BIT, arch/arm64/include/uapi/asm/ptrace.h */
#define regs_is_user(r) (((r)->pstate & 0xf) == 0)
#define regs_ip(r)      ((r)->pc)

static __always_inline void regs_of(struct task_struct *task, struct regs *regs)
{
	struct pt_regs___arm *r = (void *)bpf_task_pt_regs(task);

	*regs = (struct regs){ r->pc, r->sp, r->regs[29], r->regs[30],
			       (r->pstate & PSTATE_32) != 0 };
}

/* No rule of this processor asks for them. */
static __always_inline void regs_all_of(struct task_struct *task, u64 all[16])
{
	__builtin_memset(all, 0, 16 * sizeof(u64));
}

static __always_inline u64 regs_kernel_ip(void *regs)
{
	return BPF_CORE_READ((struct pt_regs___arm *)regs, pc);
}

static __always_inline bool regs_is_trap(struct task_struct *task)
{
	return ((struct pt_regs___arm *)bpf_task_pt_regs(task))->syscallno < 0;
}

static __always_inline void syscall_of_task(struct task_struct *task, struct syscall_regs *call)
{
	struct pt_regs___arm *r = (void *)bpf_task_pt_regs(task);

	*call = (struct syscall_regs){ r->syscallno, r->orig_x0, r->regs[1],
				       (r->pstate & PSTATE_32) != 0 };
}
#endif

/* Those of the current task. */
static __always_inline void regs_of_task(struct regs *regs)
{
	regs_of(bpf_get_current_task_btf(), regs);
}

#endif
