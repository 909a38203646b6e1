/* SPDX-License-Identifier: Dual MIT/GPL */
/* blocks.bpf.h - where threads are when they are not running.
 *
 * A thread is noted when it is switched out.  When it is switched in after a wait of at least
 * `min_block_ns`, its kernel stack is sent at once with the reason (probe/reason.bpf.h): it is still in
 * the call that it waited in.  How long of its absence it waited for a CPU only is what the kernel
 * counts in sched_info, so nothing is attached to wake-ups: at most one switch in a thousand is of a
 * chosen thread, and all the others pay for each hook.  Its user stack is walked in task work, in the thread's own context before it returns to
 * user mode, where its memory is at hand.  One user stack serves all waits of one stay in the kernel.
 * Shorter waits, those for which the ring has no room, and all waits for a CPU, are added up for each
 * thread.
 *
 * The kernel function that schedules task work has had two names and prototypes, so two programs
 * include this: blocks.bpf.c, and blocks-old.bpf.c, which defines TASK_WORK_OLD.
 */
#include "collect/cpu/cpu.bpf.h"
#include "probe/reason.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define EBUSY     16
#define TASK_DEAD 0x80 /* include/linux/sched.h */

struct bpf_task_work {
	u64 opaque;
} __attribute__((aligned(8)));

struct bpf_map;

struct user_work {
	struct bpf_task_work work;
};

/* Found at once from a task, also where there is none: whoever is not chosen pays least. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__type(key, int);
	__type(value, struct cpu_wait);
} waits SEC(".maps");

/* Not in `waits`: task storage may not hold these. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, CPU_WORKS_MAX);
	__type(key, u64); /* address of the task: no other has it as long as it lives */
	__type(value, struct user_work);
} works SEC(".maps");

extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;

#ifdef TASK_WORK_OLD
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work,
					      void *map__map,
					      int (*callback)(struct bpf_map *, void *, void *),
					      void *aux__prog) __ksym;
#define schedule(task, work) \
	bpf_task_work_schedule_resume_impl(task, work, &works, send_user_stack, NULL)
#else
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work,
					 void *map__map,
					 int (*callback)(struct bpf_map *, void *, void *)) __ksym;
#define schedule(task, work) bpf_task_work_schedule_resume(task, work, &works, send_user_stack)
#endif

/* A record with room for frames behind it; NULL never. */
static __always_inline struct cpu_sample *begin_record(struct user_walk *walk, u8 kind, u64 at)
{
	struct cpu_sample *record = (void *)walk->head;

	__builtin_memset(record, 0, sizeof(*record));
	record->at = at;
	record->kind = kind;
	record->cpu = bpf_get_smp_processor_id();
	return record;
}

/* The last sixteenth of the ring is for sums alone: with them gone, totals would be wrong. */
static __always_inline bool has_room_for(const struct cpu_sample *record)
{
	u64 size = bpf_ringbuf_query(&samples, BPF_RB_RING_SIZE);

	return record->kind == CPU_RECORD_SUMS ||
	       bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) < size - size / 16;
}

/* Return: whether there was room for it. */
static __always_inline bool send_record(struct cpu_sample *record)
{
	u32 zero = 0;
	struct cpu_statistics *stats = bpf_map_lookup_elem(&statistics, &zero);
	u32 frames = (u32)record->kernel_frames + record->user_frames;

	if (!stats || frames > STACK_MAX_KERNEL + STACK_MAX_USER)
		return false;
	stats->taken++;
	if (has_room_for(record) &&
	    !bpf_ringbuf_output(&samples, record, sizeof(*record) + frames * sizeof(u64),
				sample_flags(record)))
		return true;
	stats->lost++;
	return false;
}

static __always_inline void add_statistic(u32 offset)
{
	u32 zero = 0;
	struct cpu_statistics *stats = bpf_map_lookup_elem(&statistics, &zero);

	if (stats)
		(*(u64 *)((void *)stats + offset))++;
}

#define count_statistic(which) add_statistic(__builtin_offsetof(struct cpu_statistics, which))

static __always_inline struct cpu_wait *wait_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->bpf_storage) && !task->bpf_storage)
		return NULL; /* a load instead of a call */
	return bpf_task_storage_get(&waits, task, NULL, 0);
}

/* In the thread's own context; it may have to wait for pages of its stack that are not there. */
static int send_user_stack(struct bpf_map *map, void *key, void *value)
{
	struct cpu_wait *wait = wait_of(bpf_get_current_task_btf());
	struct cpu_sample *record;
	struct user_walk *walk;
	struct regs regs;
	u32 zero = 0;
	u64 word;

	if (!wait)
		return 0;
	regs_of_task(&regs);
	bpf_copy_from_user(&word, sizeof(word), (void *)regs.sp);
	/* What follows works in memory of this CPU. */
	bpf_preempt_disable();
	walk = bpf_map_lookup_elem(&user_walks, &zero);
	if (walk) {
		record = begin_record(walk, CPU_RECORD_USER, bpf_ktime_get_ns());
		record->pid = wait->pid;
		record->tid = wait->tid;
		record->key = wait->stay;
		bpf_get_current_comm(record->comm, sizeof(record->comm));
		capture_user(walk, UPROBES_IN_KERNEL);
		record->user_frames = walk->count;
		record->user_stop = walk->stop;
		if (options.unwind && walk->stop == STACK_STOP_NO_TABLE && has_room_for_raw())
			send_raw(record, walk);
		send_record(record);
	}
	wait->stay++;
	bpf_preempt_enable();
	return 0;
}

/* Return: whether a user stack will come. */
static __always_inline bool want_user_stack(struct task_struct *task)
{
	u64 key = (u64)task;
	struct user_work *work;
	int err;

	if (!options.want_user || (task->flags & (PF_KTHREAD | PF_EXITING)))
		return false;
	work = bpf_map_lookup_elem(&works, &key);
	if (!work) {
		struct user_work none = {};

		bpf_map_update_elem(&works, &key, &none, BPF_NOEXIST);
		work = bpf_map_lookup_elem(&works, &key);
	}
	err = work ? schedule(task, &work->work) : -1;
	if (!err || err == -EBUSY) /* the one that is under way serves both */
		return true;
	count_statistic(stacks_refused);
	return false;
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
	if (with_stack && want_user_stack(task)) {
		record->kind = CPU_RECORD_BLOCK;
		record->key = wait->stay;
	}
	BPF_CORE_READ_STR_INTO(&record->comm, task, comm);
	if (with_stack && options.want_kernel)
		bytes = bpf_get_task_stack(task, kernel->frames, STACK_MAX_KERNEL * sizeof(u64), 0);
	if (bytes > 0 && bytes <= (long)(STACK_MAX_KERNEL * sizeof(u64))) {
		record->kernel_frames = (u32)bytes / sizeof(u64);
		bpf_probe_read_kernel(walk->frames, (u32)bytes, kernel->frames);
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
	if (!wait->stay)
		wait->stay = bpf_ktime_get_ns(); /* an earlier thread of this number had others */
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
	u64 ids, key = (u64)prev;

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
		bpf_map_delete_elem(&works, &key);
		return;
	}
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

#include "collect/cpu/standing.bpf.h"
