/* SPDX-License-Identifier: Dual MIT/GPL */
/* ticks.bpf.h - in which system call members run, seen at the scheduler's timer tick, which comes anyway.
 *
 * On the way into the kernel a call leaves its number in the registers; an interrupt of user mode and a
 * page fault leave -1.
 */
#ifndef COLLECT_BALANCE_TICKS_BPF_H
#define COLLECT_BALANCE_TICKS_BPF_H

extern void tick_nohz_handler __ksym __weak; /* since 6.9 */
extern void tick_sched_timer __ksym __weak;  /* before */

SEC("raw_tp/hrtimer_expire_entry")
int balance_tick(struct bpf_raw_tracepoint_args *ctx)
{
	struct hrtimer *timer = (struct hrtimer *)ctx->args[0];
	struct task_struct *task = bpf_get_current_task_btf();
	struct balance_call *call;
	struct syscall_regs regs;
	void *function;
	u32 key;

	if (!may_be_member(task->tgid) || !cell_of(task, task->tgid))
		return 0;
	function = BPF_CORE_READ(timer, function);
	if (function != &tick_nohz_handler && function != &tick_sched_timer)
		return 0;
	regs.number = -1;
	if (!(task->flags & (PF_KTHREAD | PF_EXITING | PF_IO_WORKER)))
		syscall_of_task(task, &regs);
	key = regs.number < 0 || regs.number >= BALANCE_CALLS ? BALANCE_CALLS - 1 : regs.number;
	call = bpf_map_lookup_elem(&calls, &key);
	if (call)
		call->ticks++;
	return 0;
}

#endif
