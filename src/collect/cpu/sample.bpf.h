/* SPDX-License-Identifier: Dual MIT/GPL */
/* sample.bpf.h - one sample of what runs, whichever interrupt takes it (tick.bpf.h, clock.bpf.h).
 *
 * With SAMPLE_LATER its user stack is walked on the way back to user mode (later.bpf.h), and nothing is
 * counted in the kernel: when the sample is taken, nobody knows yet whether it is like another.
 */
#ifndef COLLECT_CPU_SAMPLE_BPF_H
#define COLLECT_CPU_SAMPLE_BPF_H

#include "collect/cpu/cpu.bpf.h"

#ifdef SAMPLE_LATER
#include "collect/cpu/later.bpf.h"

/* Return: whether the sample is out, all but its user stack. */
static __always_inline bool put_off(void *ctx, struct user_walk *walk, u64 weight, u64 kernel_ip)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 ids = target_pid_tgid(), key = later_want(task);
	struct cpu_sample *sample;

	if (!key)
		return false;
	sample = begin_record(walk, CPU_RECORD_PART, bpf_ktime_get_ns());
	sample->weight = weight;
	sample->key = key;
	sample->exec_id = task->self_exec_id;
	sample->pid = ids >> 32;
	sample->tid = (u32)ids;
	bpf_get_current_comm(sample->comm, sizeof(sample->comm));
	if (kernel_ip && options.want_kernel)
		sample->kernel_frames = capture_kernel(ctx, walk, 0, kernel_ip);
	send_record(sample);
	return true;
}

SEC("raw_tp/sched_process_exit")
int cpu_exit(struct bpf_raw_tracepoint_args *ctx)
{
	later_forget((struct task_struct *)ctx->args[0]);
	return 0;
}
#else
static __always_inline bool put_off(void *ctx, struct user_walk *walk, u64 weight, u64 kernel_ip)
{
	return false;
}
#endif

/* One sample of the current task.  @kernel_ip: where the kernel was interrupted, 0 in user mode. */
static __always_inline int take_sample(void *ctx, u64 weight, u64 kernel_ip)
{
	u64 pid_tgid = target_pid_tgid();
	struct cpu_statistics *stats;
	struct cpu_sample *sample;
	struct user_walk *walk;
	u32 zero = 0;

	if (!target_wants(pid_tgid))
		return 0;
	walk = bpf_map_lookup_elem(&user_walks, &zero);
	stats = bpf_map_lookup_elem(&statistics, &zero);
	if (!walk || !stats)
		return 0;
	if (put_off(ctx, walk, weight, kernel_ip))
		return 0;
	stats->taken++;

	sample = (void *)walk->head;
	sample->at = bpf_ktime_get_ns();
	sample->weight = weight;
	sample->kind = CPU_RECORD_SAMPLE;
	sample->pid = pid_tgid >> 32;
	sample->tid = (u32)pid_tgid;
	sample->cpu = bpf_get_smp_processor_id();
	bpf_get_current_comm(sample->comm, sizeof(sample->comm));
	capture_user(walk, kernel_ip ? UPROBES_IN_KERNEL : UPROBES_IN_USER);
	sample->user_frames = walk->count;
	sample->user_stop = walk->stop;
	sample->kernel_frames = 0;
	if (kernel_ip && options.want_kernel)
		sample->kernel_frames = capture_kernel(ctx, walk, walk->count, kernel_ip);
	sample->key = 0;
	if (options.unwind && walk->stop == STACK_STOP_NO_TABLE && has_room_for_raw()) {
		send_raw(sample, walk);
	} else if (options.counted) {
		sample->key = sample_key(sample, walk);
		if (count_again(sample->key, weight))
			return 0;
	}
	send(sample, stats);
	return 0;
}

#endif
