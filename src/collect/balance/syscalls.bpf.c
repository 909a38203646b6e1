/* SPDX-License-Identifier: Dual MIT/GPL */
/* syscalls.bpf.c - every system call of the tree: how many, and with their exits how long and how they
 * failed.  While this is attached every system call of the machine takes longer.
 */
#include "collect/balance/members.bpf.h"
#include "probe/call.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCE_CALLS);
	__type(key, u32);
	__type(value, struct balance_syscall);
} syscalls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, BALANCE_PROCESS_CALLS_MAX);
	__type(key, struct balance_process_call_key);
	__type(value, struct balance_process_call);
} process_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, BALANCE_ERRORS_MAX);
	__type(key, struct balance_error_key);
	__type(value, u64);
} errors SEC(".maps");

u64 refused_process_calls = 0;
u64 refused_errors = 0;

static __always_inline struct balance_cell *cell_of_caller(struct task_struct *task)
{
	return find_cell(task, task->tgid);
}

/* Numbers of another table, those of 32-bit programs, and those that are too large, are one. */
static __always_inline u32 slot_of(struct task_struct *task, u64 number)
{
	return number >= BALANCE_CALLS || call_is_compat(task) ? BALANCE_CALLS - 1 : number;
}

static __always_inline struct balance_process_call *of_process(const struct balance_cell *cell,
							       u32 number)
{
	struct balance_process_call_key key = { cell->thread.process, cell->thread.pid, number };
	struct balance_process_call *call = bpf_map_lookup_elem(&process_calls, &key), none = {};

	if (call)
		return call;
	bpf_map_update_elem(&process_calls, &key, &none, BPF_NOEXIST);
	call = bpf_map_lookup_elem(&process_calls, &key);
	if (!call)
		__sync_fetch_and_add(&refused_process_calls, 1);
	return call;
}

static __always_inline void count_call(const struct balance_cell *cell, u32 number)
{
	struct balance_syscall *all = bpf_map_lookup_elem(&syscalls, &number);
	struct balance_process_call *own = of_process(cell, number);

	if (all)
		all->count++;
	if (own)
		__sync_fetch_and_add(&own->count, 1);
}

SEC("raw_tp/sys_enter")
int syscalls_count(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct balance_cell *cell = cell_of_caller(task);

	if (cell)
		count_call(cell, slot_of(task, ctx->args[1]));
	return 0;
}

SEC("raw_tp/sys_enter")
int syscalls_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct balance_cell *cell = cell_of_caller(task);
	u32 number;

	if (!cell)
		return 0;
	number = slot_of(task, ctx->args[1]);
	/* These never come back. */
	if (number == SYSCALL_EXIT || number == SYSCALL_EXIT_GROUP) {
		count_call(cell, number);
		return 0;
	}
	cell->called = number;
	cell->called_at = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void count_error(u32 number, u32 error)
{
	struct balance_error_key key = { number, error };
	u64 *count = bpf_map_lookup_elem(&errors, &key), one = 1;

	if (count)
		__sync_fetch_and_add(count, 1);
	else if (bpf_map_update_elem(&errors, &key, &one, BPF_NOEXIST))
		__sync_fetch_and_add(&refused_errors, 1);
}

SEC("raw_tp/sys_exit")
int syscalls_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct balance_cell *cell = cell_of_caller(bpf_get_current_task_btf());
	struct balance_process_call *own;
	struct balance_syscall *all;
	u32 number, slot, error = call_errno(ctx->args[1]), failed = error != 0;
	u64 took;

	if (!cell || !cell->called_at)
		return 0;
	took = bpf_ktime_get_ns() - cell->called_at;
	number = cell->called;
	cell->called_at = 0;
	all = bpf_map_lookup_elem(&syscalls, &number);
	if (all) {
		slot = time_slot(took);
		all->count++;
		all->errors += failed;
		all->total += took;
		if (took > all->most)
			all->most = took;
		all->latency[slot]++;
	}
	own = of_process(cell, number);
	if (own) {
		__sync_fetch_and_add(&own->count, 1);
		__sync_fetch_and_add(&own->errors, failed);
		__sync_fetch_and_add(&own->total, took);
	}
	if (failed)
		count_error(number, error);
	return 0;
}
