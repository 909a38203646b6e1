/* SPDX-License-Identifier: Dual MIT/GPL */
/* runq.bpf.c - waits for a CPU, from the wake-up or the loss of a CPU to the switch to the thread.
 *
 * The kernel's own sum (sched_info.run_delay) is not what is wanted: it goes by the clock of the queue,
 * which stands still between a wake-up that preempts and the switch that follows, up to a tick.  It
 * serves to see that nothing is missing: some switches and wake-ups are not shown to programs.  How
 * often a thread has come to run (pcount) tells whether the beginning that was noted belongs to the
 * end that is seen.  Where it does not, or where none was noted, the wait is counted as unseen with
 * what the kernel has added to its sum, and enters no histogram.
 */
#include "collect/runq/runq.wire.h"
#include "probe/event.bpf.h"
#include "probe/histogram.bpf.h"
#include "probe/row.bpf.h"
#include "probe/slots.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define CPU_MAX        512 /* that have a histogram of their own */
#define PROCESSES_LOG2 10  /* sets of SLOTS_WAYS processes that waited within a minute */

const volatile unit_ns slow KNOB("waits as long or longer are events") = 10000000;
const volatile u32 per_cpu KNOB("1: a histogram for each CPU, 0: one for the host") = 0;

struct thread {
	u64 since;     /* when it began to wait; 0: it does not, or that was not seen */
	u64 runs;      /* how often it had run by then */
	u64 last_runs; /* the same when it was seen to run last */
	u64 delay;     /* what the kernel had added up by then, ns */
	bool is_preempted;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct runq_waits);
} runq_host SEC(".maps") TABLE("waits for a CPU on the whole host");

/* A CPU changes its own row only, and never two of its switches at once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CPU_MAX);
	__type(key, struct runq_cpus_key);
	__type(value, struct runq_waits);
} runq_cpus SEC(".maps") TABLE("waits for a CPU by CPU");

slots_define(runq_processes, runq_process_row, PROCESSES_LOG2) TABLE("waits for a CPU by process");

/* Programs are attached one after the other. */
bool sees_wakeups = false;

/* What ended when a thread was switched to. */
struct waited {
	u64 seen; /* 0 or 1 */
	u64 total;
	u64 unseen; /* waits that nobody can tell apart */
	u64 unseen_total;
	bool is_preempted;
};

static __always_inline void count_for_cpu(u32 cpu, const struct waited *waited)
{
	struct runq_cpus_key key = { .cpu = cpu };
	struct runq_waits *waits;
	u32 zero = 0;

	waits = per_cpu ? row_get(&runq_cpus, &key) : bpf_map_lookup_elem(&runq_host, &zero);
	if (!waits)
		return;
	if (waited->seen)
		histogram_count(&waits->wait, waited->total);
	waits->unseen += waited->unseen;
	waits->unseen_total += waited->unseen_total;
}

static __always_inline void count_for_process(struct task_struct *task, const struct waited *waited)
{
	struct runq_process_row *row = slots_get(&runq_processes, PROCESSES_LOG2, task->tgid);

	if (!row) {
		event_lost(bpf_core_type_id_local(struct runq_processes_key));
		return;
	}
	__sync_fetch_and_add(&row->value.waits, waited->seen + waited->unseen);
	__sync_fetch_and_add(&row->value.total, waited->total + waited->unseen_total);
	histogram_raise(&row->value.max_wait, waited->total);
	event_keep_comm(row->value.comm, task->group_leader);
}

static __always_inline void send_wait(struct task_struct *task, struct task_struct *before, u32 cpu,
				      const struct waited *waited)
{
	struct runq_wait *wait = event_new(runq_wait, task);

	if (!wait)
		return;
	wait->wait = waited->total;
	wait->cpu = cpu;
	wait->is_preempted = waited->is_preempted;
	wait->before_pid = BPF_CORE_READ(before, tgid);
	if (wait->before_pid)
		BPF_CORE_READ_STR_INTO(&wait->before_comm, before, comm);
	event_send(wait);
}

static __always_inline struct thread *thread_of(struct task_struct *task)
{
	struct thread *thread = bpf_task_storage_get(&threads, task, NULL, 0);

	if (thread)
		return thread;
	thread = bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread) {
		event_lost(bpf_core_type_id_local(struct runq_wait));
		return NULL;
	}
	thread->last_runs = task->sched_info.pcount - 1;
	thread->delay = task->sched_info.run_delay;
	return thread;
}

static __always_inline void begin_wait(struct task_struct *task, u64 now, bool is_preempted)
{
	struct thread *thread = thread_of(task);
	u64 runs = task->sched_info.pcount;

	/* It may be woken while it waits already. */
	if (!thread || (thread->since && thread->runs == runs))
		return;
	thread->since = now;
	thread->runs = runs;
	thread->is_preempted = is_preempted;
}

static __always_inline struct waited end_wait(struct task_struct *task, u64 now)
{
	struct thread *thread = bpf_task_storage_get(&threads, task, NULL, 0);
	u64 queued = task->sched_info.last_queued, delay = task->sched_info.run_delay;
	u64 runs = task->sched_info.pcount;
	struct waited waited = {};

	if (queued)
		delay += task->se.cfs_rq->rq->clock - queued;
	if (!thread) {
		thread = thread_of(task); /* nobody knows since when */
		if (!thread)
			return waited;
	} else if (queued) {
		waited.seen = thread->since && thread->runs == runs;
		waited.total = waited.seen ? now - thread->since : 0;
		waited.unseen = runs - thread->last_runs - waited.seen;
		if (waited.unseen && delay - thread->delay > waited.total)
			waited.unseen_total = delay - thread->delay - waited.total;
		waited.is_preempted = thread->is_preempted;
	}
	thread->since = 0;
	thread->last_runs = runs;
	thread->delay = delay;
	return waited;
}

static __always_inline void wake(struct task_struct *task)
{
	sees_wakeups = true;
	/* One that runs is told to go on. */
	if (!task->on_cpu && event_wants(task))
		begin_wait(task, bpf_ktime_get_ns(), false);
}

SEC("tp_btf/sched_wakeup")
int runq_on_wakeup(u64 *ctx)
{
	wake((void *)ctx[0]);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int runq_on_birth(u64 *ctx)
{
	wake((void *)ctx[0]);
	return 0;
}

SEC("tp_btf/sched_switch")
int runq_on_switch(u64 *ctx)
{
	struct task_struct *before = (void *)ctx[1], *task = (void *)ctx[2];
	bool is_preempted = (ctx[0] || !(u32)ctx[3]) && before->pid; /* or it yields */
	struct waited waited;
	u64 now;
	u32 cpu;

	if (!sees_wakeups || (!is_preempted && !task->pid))
		return 0;
	now = bpf_ktime_get_ns();
	if (is_preempted && event_wants(before))
		begin_wait(before, now, true);
	if (!task->pid || !event_wants(task))
		return 0;
	waited = end_wait(task, now);
	if (!waited.seen && !waited.unseen)
		return 0;
	cpu = bpf_get_smp_processor_id();
	count_for_cpu(cpu, &waited);
	count_for_process(task, &waited);
	if (waited.seen && waited.total >= slow && waited.total >= filter.min_duration)
		send_wait(task, before, cpu, &waited);
	return 0;
}
