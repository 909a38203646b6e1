/* SPDX-License-Identifier: Dual MIT/GPL */
/* context.bpf.h - whether the current task does what a tracepoint tells, or an interrupt does. */
#ifndef PROBE_CONTEXT_BPF_H
#define PROBE_CONTEXT_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define STACK_BYTES 16384 /* THREAD_SIZE, arch/x86/include/asm/page_64_types.h */
#define IN_INTERRUPTS \
	0x00ff0100 /* include/linux/preempt.h: NMIs, interrupts, serving of soft ones */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct thread_info___arm {
	u64 preempt_count;
};

struct task_struct___arm {
	struct thread_info___arm thread_info;
};
#pragma clang attribute pop

/**
 * in_task - false in interrupts and soft interrupts
 * @ctx: of the program
 *
 * Where the count of interrupts lies in the task it is asked (arm64); else an interrupt has a stack of
 * its own (x86), and the arguments of a raw tracepoint lie on the stack that it was hit on.
 */
static __always_inline bool in_task(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct___arm *other = (void *)task;
	u64 at = 0;

	if (bpf_core_field_exists(other->thread_info.preempt_count))
		return !(BPF_CORE_READ(other, thread_info.preempt_count) & IN_INTERRUPTS);
	bpf_probe_read_kernel(&at, sizeof(at), &ctx); /* as a number */
	return at - (u64)BPF_CORE_READ(task, stack) < STACK_BYTES;
}

#endif
