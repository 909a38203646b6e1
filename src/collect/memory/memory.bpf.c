/* SPDX-License-Identifier: Dual MIT/GPL */
/* memory.bpf.c - resident memory and page faults where the kernel counts them.
 *
 * rss_stat comes with every page that a process gets or gives back.  What others take from it (fork fills
 * the memory of a child, kswapd takes pages) is not seen then but at the next page of its own: what is
 * compared is the whole, not the step.  A page fault that reads a disk has no tracepoint of its own: the
 * thread's count of them is looked at when its memory changes next, and when it ends.
 */
#include "collect/memory/memory.wire.h"
#include "probe/event.bpf.h"
#include "probe/row.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define PROCESS_MAX 8192
#define PAGE_SIZE   4096
#define STEP_PAGES  256 /* that a row counts in: a megabyte */
#define PID_END     (1u << 22)

const volatile unit_bytes step KNOB("growth of a process by as much or more is an event") = 64
											    << 20;

/* When something was seen first. */
u64 attached_at = 0;

struct process {
	s64 counted; /* pages that are in its row */
	s64 told;    /* in an event, or less */
	bool is_known;
};

struct thread {
	u64 major_faults;
	bool is_known;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct process);
} processes SEC(".maps"); /* by first thread */

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROCESS_MAX);
	__type(key, struct memory_processes_key);
	__type(value, struct memory_process);
} memory_processes SEC(".maps") TABLE("memory by process");

struct pages {
	s64 files, anonymous, shared;
};

static __always_inline s64 at_least_none(s64 pages)
{
	return pages > 0 ? pages : 0;
}

static __always_inline struct pages pages_of(struct mm_struct *mm)
{
	struct mm_struct___old *old = (void *)mm;

	if (bpf_core_field_exists(mm->rss_stat[0].count))
		return (struct pages){
			at_least_none(BPF_CORE_READ(mm, rss_stat[0].count)),
			at_least_none(BPF_CORE_READ(mm, rss_stat[1].count)),
			at_least_none(BPF_CORE_READ(mm, rss_stat[3].count)),
		};
	return (struct pages){
		at_least_none(BPF_CORE_READ(old, rss_stat.count[0].counter)),
		at_least_none(BPF_CORE_READ(old, rss_stat.count[1].counter)),
		at_least_none(BPF_CORE_READ(old, rss_stat.count[3].counter)),
	};
}

static __always_inline struct memory_process *row_of(struct task_struct *task)
{
	struct memory_processes_key key = { .pid = BPF_CORE_READ(task, tgid) };

	BPF_CORE_READ_STR_INTO(&key.comm, task, group_leader, comm);
	return row_get(&memory_processes, &key);
}

static __always_inline void count_pages(struct task_struct *task, struct process *process,
					s64 pages)
{
	s64 more = pages - process->counted;
	struct memory_process *row;

	if (more < STEP_PAGES && more > -STEP_PAGES)
		return;
	process->counted = pages;
	row = row_of(task);
	if (!row)
		return;
	if (more > 0)
		__sync_fetch_and_add(&row->grown, more * PAGE_SIZE);
	else
		__sync_fetch_and_add(&row->shrunk, -more * PAGE_SIZE);
	if ((u64)pages * PAGE_SIZE > row->max_rss)
		row->max_rss = pages * PAGE_SIZE;
}

static __always_inline void tell_growth(struct task_struct *task, struct process *process,
					s64 pages)
{
	u64 growth = (pages - process->told) * PAGE_SIZE;
	struct memory_growth *event;

	if (pages < process->told)
		process->told = pages;
	if (pages <= process->told || growth < step)
		return;
	process->told = pages;
	event = event_new(memory_growth, task);
	if (!event)
		return;
	event->growth = growth;
	event->rss = pages * PAGE_SIZE;
	event_send(event);
}

static __always_inline void look_at_faults(struct task_struct *task)
{
	u64 major_faults = task->maj_flt, more;
	struct thread *thread =
		bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct memory_process *row;

	if (!thread) {
		event_lost(bpf_core_type_id_local(struct memory_processes_key));
		return;
	}
	more = major_faults - thread->major_faults;
	if (!thread->is_known) {
		thread->is_known = true;
		/* One that was there before is not known since when. */
		if (task->start_time < attached_at)
			more = 0;
	}
	thread->major_faults = major_faults;
	if (!more)
		return;
	row = row_of(task);
	if (row)
		__sync_fetch_and_add(&row->major_faults, more);
}

SEC("tp_btf/rss_stat")
int memory_on_change(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = (void *)ctx[0];
	struct process *process;
	struct pages kinds;
	s64 pages;

	if (!attached_at)
		attached_at = bpf_ktime_get_ns();
	if (task->mm != mm || !event_wants(task))
		return 0;
	process = bpf_task_storage_get(&processes, task->group_leader, NULL,
				       BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!process) {
		event_lost(bpf_core_type_id_local(struct memory_processes_key));
		return 0;
	}
	kinds = pages_of(mm);
	pages = kinds.files + kinds.anonymous + kinds.shared;
	if (!process->is_known) {
		process->is_known = true;
		process->counted = process->told = pages;
	}
	count_pages(task, process, pages);
	tell_growth(task, process, pages);
	look_at_faults(task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int memory_on_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	if (event_wants(task))
		look_at_faults(task);
	return 0;
}

SEC("raw_tp/mark_victim")
int memory_on_victim(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0], *trigger = (void *)bpf_get_current_task();
	struct event nobody;
	struct memory_oom *oom;
	struct mm_struct *mm;
	struct pages pages;

	if (ctx->args[0] < PID_END) { /* only its number, before 2024 */
		if (event_wants_some())
			return 0;
		event_head_of_nobody(&nobody);
		nobody.pid = nobody.tid = ctx->args[0];
		oom = event_new_of(memory_oom, &nobody, bpf_ktime_get_ns());
	} else {
		if (!event_wants(task))
			return 0;
		oom = event_new(memory_oom, task);
	}
	if (!oom)
		return 0;
	oom->trigger_pid = BPF_CORE_READ(trigger, tgid);
	BPF_CORE_READ_STR_INTO(&oom->trigger_comm, trigger, comm);
	oom->file = oom->anonymous = oom->shared = NOT_MEASURED;
	mm = ctx->args[0] < PID_END ? NULL : BPF_CORE_READ(task, mm);
	if (mm) {
		pages = pages_of(mm);
		oom->file = pages.files * PAGE_SIZE;
		oom->anonymous = pages.anonymous * PAGE_SIZE;
		oom->shared = pages.shared * PAGE_SIZE;
		oom->score_adj = BPF_CORE_READ(task, signal, oom_score_adj);
	}
	event_send(oom);
	return 0;
}
