/* SPDX-License-Identifier: Dual MIT/GPL */
/* now.bpf.h - user stacks of waits that are walked when the wait begins, and kept until it ends: for
 * kernels that cannot put off the walk.
 *
 * At the end of a wait the memory of another process is in place.  So each wait of a chosen thread pays
 * for the walk, however short it turns out to be; memory that is not resident ends the stack, and
 * only so many frames are kept.  Where tables are missing, the rest of the stack goes to user space
 * at once, in a CPU_RECORD_USER before its wait; of shorter waits it is used to make the tables.
 */
#ifndef COLLECT_CPU_NOW_BPF_H
#define COLLECT_CPU_NOW_BPF_H

#include "collect/cpu/cpu.bpf.h"

#define NOW_RAW_PAUSE_NS 1000000 /* between two raw stacks of a thread */
#define KEPT_SLOTS       256     /* room for CPU_KEPT_MAX, a power of two */

struct kept_stack {
	u64 key;    /* of the CPU_RECORD_USER that has it; 0: it is here */
	u64 raw_at; /* when the last raw stack went out, 0: none did */
	u32 count;
	u32 stop; /* enum stack_stop */
	u64 frames[KEPT_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__type(key, int);
	__type(value, struct kept_stack);
} kept_stacks SEC(".maps");

#define cpu_hold(flags)    (void)(flags) /* nothing sleeps or is put off here */
#define cpu_release(flags) (void)(flags)

/* The rest of a stack goes to user space.  Return: its key; 0: it does not */
static __always_inline u64 now_send_raw(struct user_walk *walk, const struct cpu_wait *wait,
					u64 now)
{
	struct cpu_sample *record = begin_record(walk, CPU_RECORD_USER, now);

	record->pid = wait->pid;
	record->tid = wait->tid;
	record->key = now;
	record->exec_id = walk->exec_id;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	record->user_frames = walk->count;
	record->user_stop = walk->stop;
	send_raw(record, walk);
	return record->user_stop == STACK_STOP_RAW && send_record(record) ? now : 0;
}

/* A thread begins to wait. */
static __always_inline void user_stack_keep(struct task_struct *task, const struct cpu_wait *wait,
					    u64 now)
{
	struct kept_stack *kept;
	struct user_walk *walk;
	u32 zero = 0, count;

	if (!options.want_user || (task->flags & (PF_KTHREAD | PF_EXITING)))
		return;
	kept = bpf_task_storage_get(&kept_stacks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	walk = bpf_map_lookup_elem(&user_walks, &zero);
	if (!kept || !walk) {
		count_statistic(stacks_refused);
		return;
	}
	capture_user(walk, UPROBES_IN_KERNEL);
	kept->key = 0;
	if (options.unwind && walk->stop == STACK_STOP_NO_TABLE &&
	    now - kept->raw_at >= NOW_RAW_PAUSE_NS && has_room_for_raw()) {
		kept->key = now_send_raw(walk, wait, now);
		kept->raw_at = now;
	}
	count = walk->count;
	kept->stop = walk->stop;
	if (count > CPU_KEPT_MAX) {
		count = CPU_KEPT_MAX;
		kept->stop = STACK_STOP_DEPTH;
	}
	kept->count = count;
	bpf_probe_read_kernel(kept->frames, (count & (KEPT_SLOTS - 1)) * sizeof(u64), walk->frames);
}

/* It ended. */
static __always_inline void user_stack_add(struct cpu_sample *record, struct user_walk *walk,
					   struct task_struct *task)
{
	struct kept_stack *kept = bpf_task_storage_get(&kept_stacks, task, NULL, 0);
	u32 count;

	if (!kept)
		return;
	if (kept->key) {
		record->kind = CPU_RECORD_PART;
		record->key = kept->key;
		record->exec_id = task->self_exec_id;
		return;
	}
	count = kept->count;
	record->user_frames = count;
	record->user_stop = kept->stop;
	bpf_probe_read_kernel(walk->frames, (count & (KEPT_SLOTS - 1)) * sizeof(u64), kept->frames);
}

static __always_inline void user_stack_forget(struct task_struct *task)
{
	bpf_task_storage_delete(&kept_stacks, task);
}

#endif
