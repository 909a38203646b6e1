/* SPDX-License-Identifier: Dual MIT/GPL */
/* syscall.bpf.c - counts system calls by process and call, and how long they take.
 *
 * Everything is counted when a call returns; that needs no hook at its beginning, which is there for the
 * latency alone.  A row is shared by the processors: its members are added to atomically, which costs
 * less than what a row for each processor takes of memory.
 */
#include "collect/syscall/syscall.wire.h"
#include "probe/call.bpf.h"
#include "probe/event.bpf.h"
#include "probe/histogram.bpf.h"
#include "probe/slots.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define CALLS_LOG2 10 /* sets of SLOTS_WAYS: calls of a process each */
#define ERRORS_MAX 10240
#define OTHERS_MAX 1024 /* more than there are system calls */

const volatile u8 latency KNOB("1: also how long calls take; 0: only how many there are") = 1;

slots_define(syscall_calls, syscall_row, CALLS_LOG2) TABLE("system calls of a process");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, ERRORS_MAX);
	__type(key, struct syscall_error_key);
	__type(value, struct syscall_error_value);
} syscall_failed SEC(".maps") TABLE("system calls of a process that failed, by error");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OTHERS_MAX);
	__type(key, struct syscall_other_key);
	__type(value, struct syscall_other_value);
} syscall_others SEC(".maps") TABLE("system calls of processes for which there was no room");

/* The call that a thread is in. */
struct call {
	u64 began; /* 0: in none that was seen to begin */
	u32 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, 1);
	__type(key, int);
	__type(value, struct call);
} calls_begun SEC(".maps");

SEC("raw_tp/sys_enter")
WHEN(latency)
int syscall_on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call;

	if (event_wants_some() && !event_wants(task))
		return 0;
	call = bpf_task_storage_get(&calls_begun, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call)
		return 0;
	call->number = ctx->args[1];
	call->began = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void count_other(struct syscall_key *key, bool failed)
{
	struct syscall_other_key other = { .syscall = key->syscall };
	struct syscall_other_value *value = bpf_map_lookup_elem(&syscall_others, &other), none = {};

	if (!value) {
		bpf_map_update_elem(&syscall_others, &other, &none, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&syscall_others, &other);
	}
	if (!value) {
		event_lost(bpf_core_type_id_local(struct syscall_key));
		return;
	}
	__sync_fetch_and_add(&value->count, 1);
	if (failed)
		__sync_fetch_and_add(&value->errors, 1);
}

/* A key as a number. */
static __always_inline u64 key_bits(u32 pid, u16 number, bool is_compat)
{
	return pid | (u64)number << 32 | (u64)is_compat << 48;
}

static __always_inline void count_error(struct syscall_key *key, u32 error,
					struct task_struct *task)
{
	struct syscall_error_key why = {
		.pid = key->pid,
		.syscall = key->syscall,
		.is_compat = key->is_compat,
		.errno = error,
	};
	struct syscall_error_value *value = bpf_map_lookup_elem(&syscall_failed, &why), none = {};

	if (!value) {
		bpf_map_update_elem(&syscall_failed, &why, &none, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&syscall_failed, &why);
	}
	if (!value) {
		event_lost(bpf_core_type_id_local(struct syscall_error_key));
		return;
	}
	__sync_fetch_and_add(&value->count, 1);
	event_keep_comm(value->comm, task);
}

/* The number of a call that returns; of one that has replaced its registers, as it began. */
static __always_inline long returning_number(struct task_struct *task, struct call *call)
{
	long number = call_of_task(task);

	if (number >= 0)
		return number;
	return call && call->began ? (long)call->number : SYSCALL_RT_SIGRETURN;
}

/* Whether a new thread returns from the call that made it: its maker returns from it, too. */
static __always_inline bool is_birth(long number, long result)
{
	return !result && (number == SYSCALL_CLONE || number == SYSCALL_CLONE3 ||
			   number == SYSCALL_FORK || number == SYSCALL_VFORK);
}

SEC("raw_tp/sys_exit")
int syscall_on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 error = call_errno(ctx->args[1]);
	struct syscall_row *row;
	struct call *call = NULL;
	struct syscall_key key;
	long number;

	if (event_wants_some() && !event_wants(task))
		return 0;
	if (latency)
		call = bpf_task_storage_get(&calls_begun, task, NULL, 0);
	number = returning_number(task, call);
	if (is_birth(number, ctx->args[1]))
		return 0;
	key = (struct syscall_key){
		.pid = task->tgid,
		.syscall = number > 0xffff ? 0xffff : number,
		.is_compat = call_is_compat(task),
	};
	row = slots_get(&syscall_calls, CALLS_LOG2, key_bits(key.pid, key.syscall, key.is_compat));
	if (error)
		count_error(&key, error, task);
	if (!row) {
		count_other(&key, error != 0);
		return 0;
	}
	__sync_fetch_and_add(&row->value.count, 1);
	if (error)
		__sync_fetch_and_add(&row->value.errors, 1);
	event_keep_comm(row->value.comm, task);
	if (call && call->began) {
		histogram_count_shared(&row->value.latency, bpf_ktime_get_ns() - call->began);
		call->began = 0;
	}
	return 0;
}
