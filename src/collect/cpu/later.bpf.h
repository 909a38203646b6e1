/* SPDX-License-Identifier: Dual MIT/GPL */
/* later.bpf.h - user stacks that are walked before their thread returns to user mode, where its memory
 * may be waited for.
 *
 * A record goes out at once with all but its user stack, and with the number of the thread's stay in
 * the kernel; the user stack follows once for all records of that stay, in a CPU_RECORD_USER.  It is
 * walked in task work, which the kernel does on the way to user mode.  What scheduling it says:
 *
 *     0                   it will be walked
 *     -EBUSY              likewise: some earlier record of this stay has scheduled it
 *     -EBUSY, `walked`    the work is just ending, its USER is out: this record must do without
 *
 * The kernel function that schedules task work has had two names and prototypes, so each program is
 * compiled twice: x.bpf.c, and x-old.bpf.c, which defines TASK_WORK_OLD.
 */
#ifndef COLLECT_CPU_LATER_BPF_H
#define COLLECT_CPU_LATER_BPF_H

#include "collect/cpu/cpu.bpf.h"

#define EBUSY            16
#define PF_EXITING       0x04
#define LATER_MAX_FAULTS 32 /* pages that one walk waits for */

struct bpf_task_work {
	u64 opaque;
} __attribute__((aligned(8)));

struct bpf_map;

struct later_work {
	struct bpf_task_work work;
	u64 stay;
	u64 fault; /* where the walk needs a page; 0: not known yet */
	u64 walked;
};

/* Task storage may not hold these. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, CPU_WORKS_MAX);
	__type(key, u64); /* address of the task: no other has it as long as it lives */
	__type(value, struct later_work);
} works SEC(".maps");

#ifdef TASK_WORK_OLD
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work,
					      void *map__map,
					      int (*callback)(struct bpf_map *, void *, void *),
					      void *aux__prog) __ksym;
#define later_schedule(task, work) \
	bpf_task_work_schedule_resume_impl(task, work, &works, later_walk, NULL)
#else
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work,
					 void *map__map,
					 int (*callback)(struct bpf_map *, void *, void *)) __ksym;
#define later_schedule(task, work) bpf_task_work_schedule_resume(task, work, &works, later_walk)
#endif

/* A walk works in memory of its CPU.  Where samples are taken it must keep out the next sample of this
 * CPU, else only other threads.
 */
#ifdef SAMPLE_LATER
extern void bpf_local_irq_save(unsigned long *flags) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym;
#define cpu_hold(flags)    bpf_local_irq_save(flags)
#define cpu_release(flags) bpf_local_irq_restore(flags)
#else
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
#define cpu_hold(flags)    ((void)(flags), bpf_preempt_disable())
#define cpu_release(flags) ((void)(flags), bpf_preempt_enable())
#endif

/* What a walk has come to. */
enum later_turn {
	LATER_SENT,
	LATER_NEEDS_PAGE, /* of the stack, at later_work.fault */
	LATER_NEEDS_COPY, /* of the stack from there on: tables are missing */
};

struct later_context {
	struct later_work *work;
	u64 fault; /* that was waited for last */
	bool may_wait, has_copy;
};

/* The user stack of this stay. */
static __always_inline enum later_turn later_send(struct later_work *work,
						  const struct later_context *context)
{
	struct unwind_place *place;
	struct cpu_sample *record;
	struct user_walk *walk;
	u64 ids = target_pid_tgid();
	u32 zero = 0;
	bool lacks_tables;

	walk = bpf_map_lookup_elem(&user_walks, &zero);
	place = bpf_map_lookup_elem(&unwind_places, &zero);
	if (!walk || !place)
		return LATER_SENT;
	capture_user(walk, UPROBES_IN_KERNEL);
	lacks_tables = options.unwind && walk->stop == STACK_STOP_NO_TABLE && has_room_for_raw();
	work->fault = lacks_tables ? place->regs.sp : walk->base + walk->filled;
	if (context->may_wait && walk->stop == STACK_STOP_FAULT)
		return LATER_NEEDS_PAGE;
	if (lacks_tables && !context->has_copy)
		return LATER_NEEDS_COPY;
	record = begin_record(walk, CPU_RECORD_USER, bpf_ktime_get_ns());
	record->pid = ids >> 32;
	record->tid = (u32)ids;
	record->key = work->stay;
	record->exec_id = walk->exec_id;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	record->user_frames = walk->count;
	record->user_stop = walk->stop;
	if (lacks_tables)
		send_raw(record, walk);
	work->walked = 1;
	send_record(record);
	work->stay++;
	return LATER_SENT;
}

/* Waits for the page that the last walk has met. */
static __always_inline void later_wait(struct later_context *context, u64 fault)
{
	u64 word;

	/* The same page once more, or none at all: it is no use. */
	if (context->fault == fault || bpf_copy_from_user(&word, sizeof(word), (void *)fault))
		context->may_wait = false;
	context->fault = fault;
}

static __always_inline void later_wait_for_copy(struct later_context *context, u64 from)
{
	u64 word;

	for (int page = 0; page <= UNWIND_RAW_PAGES; page++)
		if (bpf_copy_from_user(&word, sizeof(word), (void *)from + page * PAGE_BYTES))
			break;
	context->has_copy = true;
}

static int later_step(u32 index, struct later_context *context)
{
	struct later_work *work = context->work;
	enum later_turn turn;
	unsigned long flags;

	if (!work)
		return 1;
	if (index == LATER_MAX_FAULTS)
		context->may_wait = false;
	cpu_hold(&flags);
	turn = later_send(work, context);
	cpu_release(&flags);
	if (turn == LATER_NEEDS_PAGE)
		later_wait(context, work->fault);
	else if (turn == LATER_NEEDS_COPY)
		later_wait_for_copy(context, work->fault);
	return turn == LATER_SENT;
}

/* In the thread's own context. */
static int later_walk(struct bpf_map *map, void *key, void *value)
{
	struct later_context context = { .work = value, .may_wait = true };

	bpf_loop(LATER_MAX_FAULTS + 3, later_step, &context, 0);
	return 0;
}

/* Sees to it that the user stack of a task will come.  Return: the key that it comes with; 0: it will not */
static __always_inline u64 later_want(struct task_struct *task)
{
	u64 key = (u64)task;
	struct later_work *work;
	int err;

	if (!options.want_user || (task->flags & (PF_KTHREAD | PF_EXITING)) || is_in_execve(task))
		return 0;
	work = bpf_map_lookup_elem(&works, &key);
	if (!work) {
		struct later_work none = { .stay = bpf_ktime_get_ns() };

		/* From the clock: an earlier thread of this number had other keys. */
		bpf_map_update_elem(&works, &key, &none, BPF_NOEXIST);
		work = bpf_map_lookup_elem(&works, &key);
	}
	err = work ? later_schedule(task, &work->work) : -1;
	if (!err)
		work->walked = 0;
	if (!err || (err == -EBUSY && !work->walked))
		return work->stay;
	if (err != -EBUSY)
		count_statistic(stacks_refused);
	return 0;
}

static __always_inline void later_forget(struct task_struct *task)
{
	u64 key = (u64)task;

	bpf_map_delete_elem(&works, &key);
}

#endif
