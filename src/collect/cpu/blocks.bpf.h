/* SPDX-License-Identifier: Dual MIT/GPL */
/* blocks.bpf.h - where threads are when they are not running.
 *
 * A thread is noted when it is switched out.  When it is switched in after a wait of at least
 * `min_block_ns`, its kernel stack is sent at once with the reason (probe/reason.bpf.h): it is still in
 * the call that it waited in.  How long of its absence it waited for a CPU only is what the kernel
 * counts in sched_info, so nothing is attached to wake-ups: at most one switch in a thousand is of a
 * chosen thread, and all the others pay for each hook.  Shorter waits, those for which the ring has no
 * room, and all waits for a CPU, are added up for each thread.
 *
 * Its user stack is walked before the thread returns to user mode (later.bpf.h) or, with BLOCKS_NOW,
 * when it is switched out (now.bpf.h).
 */
#include "collect/cpu/cpu.bpf.h"
#include "probe/reason.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define TASK_DEAD      0x80 /* include/linux/sched.h */
#define FOLLOWED_SLOTS 1024 /* a power of 2 */

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__type(key, int);
	__type(value, struct cpu_wait);
} waits SEC(".maps");

#ifdef BLOCKS_NOW
#include "collect/cpu/now.bpf.h"
#else
#include "collect/cpu/later.bpf.h"

#define user_stack_keep(task, wait, now) (void)0
#define user_stack_forget(task)          later_forget(task)

static __always_inline void user_stack_add(struct cpu_sample *record, struct user_walk *walk,
					   struct task_struct *task)
{
	record->key = later_want(task);
	if (!record->key)
		return;
	record->kind = CPU_RECORD_PART;
	record->exec_id = task->self_exec_id;
}
#endif

/* How many threads are followed of the processes with this number, modulo the size: whoever is not chosen
 * pays least, also where somebody else's programs keep something of every thread.  By process, since the
 * number of a thread changes when it executes a program and was not the first.
 */
static u32 followed[FOLLOWED_SLOTS];

static __always_inline u32 *followed_of(struct task_struct *task)
{
	return &followed[task->tgid & (FOLLOWED_SLOTS - 1)];
}

static __always_inline struct cpu_wait *wait_of(struct task_struct *task)
{
	if (target.kind != TARGET_HOST && !*followed_of(task))
		return NULL;
	return bpf_task_storage_get(&waits, task, NULL, 0);
}

/* Of a thread that is still where it waited. */
static __always_inline enum block_reason reason_of_wait(struct task_struct *task,
							struct cpu_wait *wait)
{
	enum block_reason reason = reason_of(task, wait->state, wait->call_reason);

	if (reason != BLOCK_STOPPED)
		wait->call_reason = reason;
	return reason;
}

/* One wait that was long enough, with the kernel stack of the thread that waited.  Return: whether it
 * is on its way
 */
static __always_inline bool send_block(struct task_struct *task, struct cpu_wait *wait, u64 blocked,
				       u64 now, bool with_stack)
{
	enum block_reason reason = with_stack ? reason_of_wait(task, wait) : BLOCK_UNSEEN;
	u32 zero = 0;
	struct user_walk *walk = bpf_map_lookup_elem(&user_walks, &zero);
	struct kernel_stack *kernel = bpf_map_lookup_elem(&kernel_stacks, &zero);
	struct cpu_sample *record;
	long bytes = 0;

	if (!walk || !kernel)
		return false;
	record = begin_record(walk, CPU_RECORD_SAMPLE, now);
	record->weight = blocked;
	record->pid = wait->pid;
	record->tid = wait->tid;
	record->reason = reason;
	record->left_at = wait->left_at;
	if (with_stack)
		user_stack_add(record, walk, task);
	BPF_CORE_READ_STR_INTO(&record->comm, task, comm);
	if (with_stack && options.want_kernel)
		bytes = bpf_get_task_stack(task, kernel->frames, STACK_MAX_KERNEL * sizeof(u64), 0);
	if (bytes > 0 && bytes <= (long)(STACK_MAX_KERNEL * sizeof(u64))) {
		record->kernel_frames = (u32)bytes / sizeof(u64);
		walk_append(walk, record->user_frames, kernel->frames, record->kernel_frames);
	}
	return send_record(record);
}

/* What a thread has that no record was sent of. */
static __always_inline void send_sums(struct task_struct *task, const struct cpu_wait *wait)
{
	u32 zero = 0;
	struct user_walk *walk = bpf_map_lookup_elem(&user_walks, &zero);
	struct cpu_sample *record;

	if (!walk)
		return;
	record = begin_record(walk, CPU_RECORD_SUMS, bpf_ktime_get_ns());
	record->pid = wait->pid;
	record->tid = wait->tid;
	BPF_CORE_READ_STR_INTO(&record->comm, task, comm);
	record->user_frames = CPU_SUMS;
	walk->frames[CPU_SUM_SHORT_NS] = wait->short_ns;
	walk->frames[CPU_SUM_SHORT] = wait->shorts;
	walk->frames[CPU_SUM_RUNQ_NS] = wait->runq_ns;
	walk->frames[CPU_SUM_RUNQ] = wait->runqs;
	send_record(record);
}

static __always_inline void name_wait(struct task_struct *task, struct cpu_wait *wait, u64 ids)
{
	wait->pid = ids >> 32;
	wait->tid = (u32)ids;
	wait->kernel_tid = task->pid;
}

/* Begins to follow a thread.  NULL: no memory, counted. */
static __always_inline struct cpu_wait *follow(struct task_struct *task, u64 ids)
{
	struct cpu_wait *wait =
		bpf_task_storage_get(&waits, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!wait) {
		count_statistic(waits_refused);
		return NULL;
	}
	if (!wait->kernel_tid)
		__sync_fetch_and_add(followed_of(task), 1);
	name_wait(task, wait, ids);
	return wait;
}

/* What the kernel counts of a thread that does not run from now on. */
static __always_inline void begin_wait(struct task_struct *task, struct cpu_wait *wait, u32 state,
				       u64 now)
{
	wait->state = state;
	wait->ran = task->se.sum_exec_runtime;
	wait->delayed = task->sched_info.run_delay;
	wait->left_at = now;
}

/* How long a thread has been off the CPUs, and how long of that it waited for one.  ran: it was on one
 * meanwhile, which nobody told; some hosts do not deliver every switch.
 */
static __always_inline u64 absence(struct task_struct *task, const struct cpu_wait *wait, u64 now,
				   u64 *ret_delayed, u64 *ret_ran)
{
	u64 queued = task->sched_info.last_queued, away = now - wait->left_at;
	u64 delayed = task->sched_info.run_delay - wait->delayed;
	u64 clock = queued ? task->se.cfs_rq->rq->clock : 0;

	if (queued && clock > queued)
		delayed += clock - queued;
	*ret_ran = task->se.sum_exec_runtime - wait->ran;
	away = away > *ret_ran ? away - *ret_ran : 0;
	/* Of a thread that ran, some of the rest may have been taken from the whole machine. */
	*ret_delayed = (wait->state || *ret_ran) && delayed < away ? delayed : away;
	return away;
}

static __always_inline void come_back(struct task_struct *task, struct cpu_wait *wait, u64 now)
{
	u64 delayed, ran, blocked = absence(task, wait, now, &delayed, &ran) - delayed;

	if (ran)
		count_statistic(waits_torn);
	wait->runq_ns += delayed;
	wait->runqs += delayed > 0;
	if (wait->state &&
	    (blocked < options.min_block_ns || !send_block(task, wait, blocked, now, !ran))) {
		wait->short_ns += blocked;
		wait->shorts++;
		wait->call_reason = BLOCK_NONE;
	}
	wait->left_at = 0;
}

/* Whether the current task, which is not followed, is to be from now on.  Threads of chosen processes
 * are followed since the start, or since they began.
 */
static __always_inline bool is_newcomer(u64 *ret_ids)
{
	if ((target.kind == TARGET_PROCESS || target.kind == TARGET_THREAD) && !target.launch_pid)
		return false;
	*ret_ids = target_pid_tgid();
	if (target.launch_pid && *ret_ids >> 32 != target.launch_pid)
		return false;
	return target_wants(*ret_ids);
}

static __always_inline void leave(struct task_struct *prev, struct cpu_wait *wait, bool preempt,
				  u32 state, u64 now)
{
	u64 ids;

	if (!wait) {
		wait = is_newcomer(&ids) ? follow(prev, ids) : NULL;
		if (!wait)
			return;
	} else if (target.kind == TARGET_CGROUP && !target_wants(target_pid_tgid())) {
		wait->left_at = 0; /* it went to another */
		return;
	} else if (wait->kernel_tid != (u32)prev->pid) {
		name_wait(prev, wait, target_pid_tgid()); /* execve() by another than the first */
	}
	if (wait->left_at)
		come_back(prev, wait, now); /* whatever was heard of it */
	if (state & TASK_DEAD) {
		send_sums(prev, wait);
		bpf_task_storage_delete(&waits, prev);
		__sync_fetch_and_add(followed_of(prev), -1);
		user_stack_forget(prev);
		return;
	}
	if (state && !preempt)
		user_stack_keep(prev, wait, now);
	begin_wait(prev, wait, preempt ? 0 : state, now);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(cpu_blocks, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int state)
{
	struct cpu_wait *left = wait_of(prev), *back = wait_of(next);
	u64 now, ids;

	if (!left) {
		barrier(); /* the compiler would join the two pointers to one number */
		if (!back && !is_newcomer(&ids))
			return 0;
	}
	now = bpf_ktime_get_ns();
	leave(prev, left, preempt, state, now);
	if (back && back->left_at)
		come_back(next, back, now);
	return 0;
}

/* The life of a thread begins with a wait for a CPU. */
SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(cpu_begin, struct task_struct *task)
{
	u64 ids = target_ids(task);
	struct cpu_wait *wait = target_wants_task(task, ids) ? follow(task, ids) : NULL;

	if (wait)
		begin_wait(task, wait, 0, bpf_ktime_get_ns());
	return 0;
}

#include "collect/cpu/waker.bpf.h"

#include "collect/cpu/standing.bpf.h"
