/* SPDX-License-Identifier: Dual MIT/GPL */
/* balance.bpf.h - where the life of every thread of a tree goes, to the nanosecond.
 *
 * The tree begins with the execve() of a launched process, or with tasks that user space enters; a
 * thread that a member makes is a member.  Of each member a cell says since when it runs, waits for a
 * CPU or is blocked and why; each event closes that interval:
 *
 *     born            waits for a CPU
 *     switched in     blocked until it was woken, then waiting for a CPU; now running
 *     switched out    ran; now blocked, for a reason (probe/reason.bpf.h), or waiting for a CPU; at its
 *                     last one the record goes to user space
 *     being woken     noted; woken: noted where the first did not come
 *
 * A waker may tell of its wake-up before the sleeper's switch is told, so both are needed.
 *
 * Raw tracepoints alone, for a fast start: for a program with typed arguments the kernel searches all
 * of its BTF (5 ms each on the reference host).  Cells lie in a hash by the address of the task;
 * most tasks of the host are told apart before that by one look into `members`.  That goes by process:
 * the number of a thread changes when it executes a program and was not the first.
 */
#include "collect/balance/counters.bpf.h"
#include "collect/balance/members.bpf.h"
#include "probe/emit.bpf.h"
#include "probe/nested.bpf.h"
#include "probe/reason.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define TASK_DEAD         0x80 /* include/linux/sched.h */
#define SIGNAL_GROUP_EXIT 0x04 /* include/linux/sched/signal.h */
#define CLONE_THREAD      0x00010000
#define PAGE_BYTES        4096

/* What a new cell begins as; nobody writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct balance_cell);
} blank SEC(".maps");

/* The verifier does not see that offset and length together stay within a page. */
struct exec_room {
	struct balance_exec exec;
	u8 never[PAGE_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct exec_room);
} execs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct balance_times);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCE_CALLS);
	__type(key, u32);
	__type(value, struct balance_call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} records SEC(".maps");

u64 woken_at = 0;     /* of the ring's reader, see emit_flags() */
u64 stopped_at = 0;   /* set by user space: the end of the run */
u64 root_process = 0; /* of the launched one: when it executed */
u64 alive = 0;        /* threads */
u64 born = 0;
u64 born_processes = 0;
struct balance_refused refused = {};

static __always_inline void count_member(u32 kernel_tgid, s32 change)
{
	u32 zero = 0;
	struct members *all = bpf_map_lookup_elem(&members, &zero);

	if (all)
		__sync_fetch_and_add(&all->count[kernel_tgid & (BALANCE_FILTER - 1)], change);
}

/* The cell of a member; NULL: it is none, or the run is over. */
static __always_inline struct balance_cell *cell_of(struct task_struct *task, u32 kernel_tgid)
{
	return stopped_at ? NULL : find_cell(task, kernel_tgid);
}

/* Of a task that is not the current one. */
static __always_inline struct balance_cell *cell_of_other(struct task_struct *task)
{
	return cell_of(task, BPF_CORE_READ(task, tgid));
}

static __always_inline struct balance_cell *cell_of_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return cell_of(task, task->tgid);
}

/* A member begins.  NULL: no memory for it, counted. */
static __always_inline struct balance_cell *begin(struct task_struct *task, u32 kernel_tgid,
						  u32 kernel_pid, u64 now)
{
	u32 zero = 0;
	struct balance_cell *cell = bpf_map_lookup_elem(&blank, &zero), *before;
	u64 key = (u64)task;

	/* Whoever had this address before has died unseen, or while it was entered. */
	before = bpf_map_lookup_elem(&cells, &key);
	if (before) {
		count_member(before->kernel_tgid, -1);
		__sync_fetch_and_add(&alive, -1);
		__sync_fetch_and_add(&refused.ended, 1);
	}
	if (!cell || bpf_map_update_elem(&cells, &key, cell, BPF_ANY))
		cell = NULL;
	else
		cell = bpf_map_lookup_elem(&cells, &key);
	if (!cell) {
		__sync_fetch_and_add(&refused.threads, 1);
		return NULL;
	}
	cell->kernel_tgid = kernel_tgid;
	cell->stamp = now;
	cell->call = -1;
	cell->cpu = -1;
	cell->thread.born = now;
	cell->thread.tid = number_of(task, kernel_pid);
	count_member(kernel_tgid, 1);
	__sync_fetch_and_add(&alive, 1);
	__sync_fetch_and_add(&born, 1);
	return cell;
}

static __always_inline void add_call(s32 number, u64 blocked)
{
	u32 key = number < 0 ? BALANCE_CALLS - 1 : number;
	struct balance_call *call;

	if (key >= BALANCE_CALLS)
		key = BALANCE_CALLS - 1;
	call = bpf_map_lookup_elem(&calls, &key);
	if (!call)
		return;
	call->blocked += blocked;
	call->waits++;
}

static __always_inline void close_blocked(struct balance_cell *cell, u64 until)
{
	u64 blocked = until > cell->stamp ? until - cell->stamp : 0;
	u32 reason = cell->reason;

	if (reason < BALANCE_REASONS)
		cell->thread.times.blocked[reason] += blocked;
	add_call(cell->call, blocked);
}

/* An interval ends in which the thread did not run. */
static __always_inline void close_absence(struct balance_cell *cell, u64 now)
{
	struct balance_times *times = &cell->thread.times;
	u64 woken = cell->woken;

	if (cell->state != BALANCE_BLOCKED) {
		times->runq += now - cell->stamp;
		return;
	}
	if (!woken || woken > now) {
		times->missed_wake += !woken;
		woken = now;
	}
	if (woken < cell->stamp)
		woken = cell->stamp;
	close_blocked(cell, woken);
	times->runq += now - woken;
}

/* How often the kernel has switched a thread out and in again, now that it is switched out, without telling
 * of either: some hosts run threads of their own, and tell neither of the switch to one nor of the one back.
 */
static __always_inline u32 count_hidden(const struct balance_cell *cell, struct task_struct *task)
{
	const struct balance_times *times = &cell->thread.times;
	u64 switches =
		task->nvcsw + task->nivcsw - times->kernel_voluntary - times->kernel_involuntary;
	u64 seen = times->voluntary + times->involuntary + cell->unleft + 1;

	return !cell->is_midway && switches > seen ? switches - seen : 0;
}

/* It ran for @here; what it did not run of that, by the kernel's count, it was away unseen: for a reason
 * that nobody knows, or waiting for a CPU if the kernel has counted no other reason.
 */
static __always_inline void close_hidden(struct balance_cell *cell, struct task_struct *task,
					 u64 here, bool is_voluntary)
{
	struct balance_times *times = &cell->thread.times;
	u64 ran = task->se.sum_exec_runtime - cell->ran;

	if (ran > here)
		ran = here;
	times->running += ran;
	if ((u32)task->nvcsw - cell->voluntary > is_voluntary)
		times->blocked[BLOCK_UNSEEN] += here - ran;
	else
		times->runq += here - ran;
}

/* It is switched out and was never seen switched in: not every switch is told on some hosts.  The
 * kernel's own count says how long it waited for a CPU; the rest it ran.
 */
static __always_inline void close_unseen(struct balance_cell *cell, struct task_struct *task,
					 u64 now, u32 hidden, bool is_voluntary)
{
	struct balance_times *times = &cell->thread.times;
	u64 queued = task->sched_info.run_delay - cell->delay, from = cell->stamp;

	times->missed_switch_in++;
	if (cell->state == BALANCE_BLOCKED) {
		if (cell->woken > from && cell->woken <= now)
			from = cell->woken;
		else
			times->missed_wake++;
		close_blocked(cell, from);
	}
	if (queued > now - from)
		queued = now - from;
	times->runq += queued;
	if (hidden)
		close_hidden(cell, task, now - from - queued, is_voluntary);
	else
		times->running += now - from - queued;
}

static __always_inline void add_to_totals(const struct balance_times *times)
{
	u32 zero = 0;
	struct balance_times *sum = bpf_map_lookup_elem(&totals, &zero);

	if (!sum)
		return;
	for (u32 i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		((u64 *)sum)[i] += ((const u64 *)times)[i];
}

/* Its last switch-out. */
static __always_inline void die(struct balance_cell *cell, struct task_struct *task, u64 now)
{
	struct balance_thread *thread = &cell->thread;
	u64 key = (u64)task;

	take_counters(&thread->times, task);
	thread->died = now;
	thread->times.life = now - thread->born;
	__builtin_memcpy(thread->comm, task->comm, sizeof(thread->comm));
	if (task->flags & PF_IO_WORKER)
		thread->flags |= BALANCE_IO_WORKER;
	add_to_totals(&thread->times);
	if (bpf_ringbuf_output(&records, thread, sizeof(*thread), emit_flags(&records, &woken_at)))
		__sync_fetch_and_add(&refused.records, 1);
	count_member(cell->kernel_tgid, -1);
	bpf_map_delete_elem(&cells, &key);
	__sync_fetch_and_add(&alive, -1);
}

/* The first switch of a thread that was taken up in the midst of its life.  What is remembered of the
 * kernel's counters is old: by up to a tick for a thread that ran, and by the time that it took to enter
 * it.  From now on both count alike.
 */
static __always_inline void begin_counting(struct balance_times *times, struct task_struct *task,
					   bool is_involuntary)
{
	times->kernel_cpu = task->se.sum_exec_runtime - times->running;
	times->kernel_delay = task->sched_info.run_delay;
	times->kernel_voluntary = task->nvcsw - !is_involuntary;
	times->kernel_involuntary = task->nivcsw - is_involuntary;
}

/* Likewise of one that comes back; its wait for a CPU is not in the kernel's count yet. */
static __always_inline void begin_counting_back(struct balance_times *times,
						struct task_struct *task)
{
	times->kernel_cpu = BPF_CORE_READ(task, se.sum_exec_runtime);
	times->kernel_delay = BPF_CORE_READ(task, sched_info.run_delay);
	times->kernel_voluntary = BPF_CORE_READ(task, nvcsw);
	times->kernel_involuntary = BPF_CORE_READ(task, nivcsw);
}

static __always_inline void leave(struct balance_cell *cell, struct task_struct *task, bool preempt,
				  u32 state, u64 now)
{
	struct balance_times *times = &cell->thread.times;
	bool is_voluntary = !preempt && state;
	u32 hidden = count_hidden(cell, task);
	struct syscall_regs call;

	if (cell->state != BALANCE_RUNNING && cell->state != BALANCE_UNKNOWN)
		close_unseen(cell, task, now, hidden, is_voluntary);
	else if (hidden)
		close_hidden(cell, task, now - cell->stamp, is_voluntary);
	else
		times->running += now - cell->stamp;
	if (cell->is_midway)
		begin_counting(times, task, !is_voluntary);
	cell->is_midway = 0;
	cell->unleft += hidden;
	times->missed_switch_out += hidden;
	times->missed_switch_in += hidden;
	if (state & TASK_DEAD) {
		die(cell, task, now);
		return;
	}
	cell->stamp = now;
	cell->woken = 0;
	cell->delay = task->sched_info.run_delay;
	cell->ran = task->se.sum_exec_runtime;
	cell->voluntary = (u32)task->nvcsw;
	if (!is_voluntary) {
		times->involuntary++;
		cell->state = BALANCE_QUEUED;
		return;
	}
	times->voluntary++;
	cell->reason = reason_and_call(task, state, cell->call_reason, &call);
	cell->call = call.number < 0 || call.is_compat ? -1 : call.number;
	if (cell->reason != BLOCK_STOPPED)
		cell->call_reason = cell->reason;
	if (cell->reason < BALANCE_REASONS)
		times->waits[cell->reason]++;
	cell->state = BALANCE_BLOCKED;
}

/* It is switched in and was never seen switched out. */
static __always_inline void close_unleft(struct balance_cell *cell, struct task_struct *task,
					 u64 now)
{
	struct balance_times *times = &cell->thread.times;
	u64 total = BPF_CORE_READ(task, se.sum_exec_runtime);
	u64 ran = total - cell->ran, away = now - cell->stamp;

	cell->ran = total;
	cell->voluntary = (u32)BPF_CORE_READ(task, nvcsw);
	times->missed_switch_out++;
	cell->unleft++;
	if (cell->is_midway || ran > away)
		ran = away;
	times->running += ran;
	times->blocked[BLOCK_UNSEEN] += away - ran;
}

static __always_inline void come_back(struct balance_cell *cell, struct task_struct *task, u64 now)
{
	u32 cpu = bpf_get_smp_processor_id();

	if (cell->state == BALANCE_UNKNOWN)
		cell->state = cell->woken ? BALANCE_BLOCKED : BALANCE_QUEUED;
	if (cell->state == BALANCE_RUNNING)
		close_unleft(cell, task, now);
	else
		close_absence(cell, now);
	if (cell->is_midway) {
		begin_counting_back(&cell->thread.times, task);
		cell->ran = cell->thread.times.kernel_cpu;
		cell->voluntary = (u32)cell->thread.times.kernel_voluntary;
		cell->unleft = 0;
	}
	cell->stamp = now;
	cell->woken = 0;
	cell->is_midway = 0;
	cell->state = BALANCE_RUNNING;
	cell->thread.times.migrations += cell->cpu != (u32)-1 && cell->cpu != cpu;
	cell->cpu = cpu;
}

SEC("raw_tp/sched_switch")
int balance_switch(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *prev = bpf_get_current_task_btf();
	struct balance_cell *left = cell_of(prev, prev->tgid);
	struct task_struct *next = (struct task_struct *)ctx->args[2];
	struct balance_cell *back = cell_of_other(next);
	u64 now;

	if (!left) {
		barrier(); /* the compiler would join the two pointers to one number */
		if (!back)
			return 0;
	}
	now = bpf_ktime_get_ns();
	if (left)
		leave(left, prev, ctx->args[0], ctx->args[3], now);
	if (back)
		come_back(back, next, now);
	return 0;
}

SEC("raw_tp/sched_waking")
int balance_waking(struct bpf_raw_tracepoint_args *ctx)
{
	struct balance_cell *cell = cell_of_other((struct task_struct *)ctx->args[0]);

	if (cell && !cell->woken &&
	    (cell->state == BALANCE_BLOCKED || cell->state == BALANCE_UNKNOWN))
		cell->woken = bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp/sched_wakeup")
int balance_wakeup(struct bpf_raw_tracepoint_args *ctx)
{
	struct balance_cell *cell = cell_of_other((struct task_struct *)ctx->args[0]);
	u64 now;

	if (!cell || cell->state != BALANCE_BLOCKED)
		return 0;
	now = bpf_ktime_get_ns();
	if (cell->woken) {
		cell->thread.times.wake_latency += now - cell->woken;
	} else {
		cell->thread.times.late_wake++;
		cell->woken = now;
	}
	return 0;
}

/* Current is the one that makes it, also with CLONE_PARENT. */
SEC("raw_tp/task_newtask")
int balance_born(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (struct task_struct *)ctx->args[0];
	struct balance_cell *maker = cell_of_current(), *cell;
	struct balance_thread *thread;
	u64 now;

	if (!maker)
		return 0;
	now = bpf_ktime_get_ns();
	cell = begin(child, BPF_CORE_READ(child, tgid), BPF_CORE_READ(child, pid), now);
	if (!cell)
		return 0;
	thread = &cell->thread;
	if (ctx->args[1] & CLONE_THREAD) {
		thread->pid = maker->thread.pid;
		thread->process = maker->thread.process;
		thread->parent = maker->thread.parent;
		thread->parent_process = maker->thread.parent_process;
	} else {
		thread->pid = thread->tid;
		thread->process = now;
		thread->parent = maker->thread.pid;
		thread->parent_process = maker->thread.process;
		__sync_fetch_and_add(&born_processes, 1);
	}
	cell->state = BALANCE_QUEUED;
	return 0;
}

/* The launched process, which begins now. */
static __always_inline struct balance_cell *begin_root(struct task_struct *task, u64 now)
{
	struct balance_times *times;
	struct balance_cell *cell;

	if (root_process || !options.launch_pid ||
	    number_of(task, task->tgid) != options.launch_pid)
		return NULL;
	cell = begin(task, task->tgid, task->pid, now);
	if (!cell)
		return NULL;
	root_process = now;
	__sync_fetch_and_add(&born_processes, 1);
	cell->thread.process = now;
	cell->state = BALANCE_RUNNING;
	cell->is_midway = 1;
	times = &cell->thread.times;
	take_counters(times, task); /* from 0 */
	return cell;
}

/* As much as is there, a page at a time: what is not resident cannot be read here. */
static __always_inline u32 read_argv(struct exec_room *room, u64 start, u64 end)
{
	u32 len = 0, part;

	room->exec.argv_bytes = end > start ? end - start : 0;
	for (int page = 0; page < BALANCE_ARGV_BYTES / PAGE_BYTES + 1; page++) {
		u64 at = start + len;

		part = PAGE_BYTES - (at & (PAGE_BYTES - 1));
		if (at >= end || len >= BALANCE_ARGV_BYTES)
			break;
		if (part > end - at)
			part = end - at;
		if (part > BALANCE_ARGV_BYTES - len)
			part = BALANCE_ARGV_BYTES - len;
		barrier_var(part);
		barrier_var(len);
		if (part > PAGE_BYTES || len > BALANCE_ARGV_BYTES)
			break;
		if (bpf_probe_read_user(room->exec.argv + len, part, (void *)at))
			break;
		len += part;
	}
	return len;
}

SEC("raw_tp/sched_process_exec")
int balance_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *program = (struct linux_binprm *)ctx->args[2];
	struct task_struct *task = bpf_get_current_task_btf();
	struct exec_room *room;
	struct balance_exec *exec;
	struct balance_cell *cell;
	struct mm_struct *mm;
	u64 now;
	u32 zero = 0, len;

	if (stopped_at)
		return 0;
	now = bpf_ktime_get_ns();
	cell = cell_of_current();
	if (!cell)
		cell = begin_root(task, now);
	room = bpf_map_lookup_elem(&execs, &zero);
	if (!cell || !room)
		return 0;
	exec = &room->exec;
	cell->thread.tid = cell->thread.pid = number_of(task, task->tgid);
	mm = task->mm;
	exec->kind = BALANCE_EXEC;
	exec->pid = cell->thread.pid;
	exec->process = cell->thread.process;
	exec->at = now;
	exec->file[0] = 0;
	bpf_probe_read_kernel_str(exec->file, sizeof(exec->file), BPF_CORE_READ(program, filename));
	len = mm ? read_argv(room, mm->arg_start, mm->arg_end) : 0;
	exec->argv_len = len;
	if (len > BALANCE_ARGV_BYTES)
		return 0;
	if (bpf_ringbuf_output(&records, exec, __builtin_offsetof(struct balance_exec, argv) + len,
			       emit_flags(&records, &woken_at)))
		__sync_fetch_and_add(&refused.records, 1);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int balance_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct balance_cell *cell = cell_of_current();
	struct signal_struct *signal = task->signal;
	struct mm_struct *mm = task->mm;
	struct balance_thread *thread;

	if (!cell)
		return 0;
	thread = &cell->thread;
	thread->exited = bpf_ktime_get_ns();
	thread->exit_code = task->exit_code;
	thread->flags |= BALANCE_EXITED;
	if (!signal->live.counter)
		thread->flags |= BALANCE_LAST;
	if (signal->flags & SIGNAL_GROUP_EXIT)
		thread->exit_code = signal->group_exit_code;
	if (mm) {
		u64 now = resident_pages(mm);

		thread->rss_pages = mm->hiwater_rss > now ? mm->hiwater_rss : now;
	}
	return 0;
}

#include "collect/balance/block.bpf.h"
#include "collect/balance/memory.bpf.h"
#include "collect/balance/network.bpf.h"
#ifndef BALANCE_WITHOUT_TICKS
#include "collect/balance/ticks.bpf.h"
#endif
