/* SPDX-License-Identifier: Dual MIT/GPL */
/* waker.bpf.h - who ends a wait, with the stack on which that happens.  Part of blocks.bpf.h.
 *
 * An interrupt comes while some thread runs that has nothing to do with it, so nothing is told of that
 * thread.  Only data that a thread sends to this machine itself arrives in a soft interrupt of its own:
 * where a soft interrupt wakes that runs in the midst of what a thread does, and not at the end of another
 * interrupt, the stack is told, and that it was an interrupt.  Now and then that is one which was only
 * put off until then.
 */
#ifndef COLLECT_CPU_WAKER_BPF_H
#define COLLECT_CPU_WAKER_BPF_H

#define INTERRUPT_SOFT 0x000100 /* serving one; include/linux/preempt.h */
#define INTERRUPT_HARD 0xff0000 /* and those that cannot be masked */

#define OWN_FRAMES     2 /* this program, and what calls it */

/* Of a symbol that is per CPU the kernel tells no address here; how far it is from the run queue, which
 * every thread that runs has a pointer to, is in its BTF.
 */
static __always_inline void *run_queue(struct task_struct *current_task)
{
	return BPF_CORE_READ(current_task, se.cfs_rq, rq);
}

/* 0: in a thread. */
static __always_inline u32 interrupt_level(struct task_struct *current_task)
{
	int count = 0;

	if (bpf_probe_read_kernel(&count, sizeof(count),
				  run_queue(current_task) + options.preempt_count_offset))
		return INTERRUPT_HARD; /* not known */
	return count & (INTERRUPT_HARD | INTERRUPT_SOFT);
}

/* Whether a soft interrupt runs where its thread lets it: while an interrupt of a device or a
 * timer is not over, its registers are kept (lib/irq_regs.c); those that do without have at least
 * interrupted user mode visibly.
 */
static __always_inline bool is_let_in(struct task_struct *current_task)
{
	void *interrupted = NULL;

	return !bpf_probe_read_kernel(&interrupted, sizeof(interrupted),
				      run_queue(current_task) + options.queue_irq_regs_offset) &&
	       !interrupted && !regs_is_trap(current_task);
}

static __always_inline void send_waker(void *ctx, const struct cpu_wait *wait, u64 now)
{
	u32 zero = 0, level;
	struct user_walk *walk = bpf_map_lookup_elem(&user_walks, &zero);
	struct kernel_stack *kernel = bpf_map_lookup_elem(&kernel_stacks, &zero);
	struct task_struct *waker = bpf_get_current_task_btf();
	struct cpu_sample *record;
	u64 ids = target_pid_tgid();
	long bytes = 0;
	bool is_told;
	u32 count;

	if (!walk || !kernel)
		return;
	level = interrupt_level(waker);
	walk->count = 0;
	walk->stop = STACK_STOP_NONE;
	walk->trampoline = 0;
	is_told = !level || (level == INTERRUPT_SOFT && is_let_in(waker));
	if (is_told)
		capture_user(walk, UPROBES_IN_KERNEL);
	record = begin_record(walk, CPU_RECORD_WAKER, now);
	record->left_at = wait->left_at;
	record->waits = wait->tid;
	record->reason = level ? CPU_WOKEN_IN_INTERRUPT : CPU_WOKEN_BY_THREAD;
	record->pid = ids >> 32;
	record->tid = (u32)ids;
	if (is_told)
		bpf_get_current_comm(record->comm, sizeof(record->comm));
	count = walk->count;
	record->user_frames = count;
	record->user_stop = walk->stop;
	if (options.unwind && walk->stop == STACK_STOP_NO_TABLE && has_room_for_raw())
		send_raw(record, walk);
	if (is_told && options.want_kernel)
		bytes = bpf_get_stack(ctx, kernel->frames, STACK_MAX_KERNEL * sizeof(u64),
				      OWN_FRAMES);
	if (bytes > 0 && bytes <= (long)(STACK_MAX_KERNEL * sizeof(u64))) {
		record->kernel_frames = (u32)bytes / sizeof(u64);
		walk_append(walk, count, kernel->frames, record->kernel_frames);
	}
	send_record(record);
}

SEC("tp_btf/sched_waking")
int BPF_PROG(cpu_waking, struct task_struct *task)
{
	struct cpu_wait *wait = options.wakers ? wait_of(task) : NULL;
	u64 now;

	if (!wait || !wait->left_at || !wait->state)
		return 0;
	now = bpf_ktime_get_ns();
	if (now - wait->left_at >= options.min_block_ns)
		send_waker(ctx, wait, now);
	return 0;
}

#endif
