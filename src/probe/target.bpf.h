/* SPDX-License-Identifier: Dual MIT/GPL */
/* target.bpf.h - whether the current task is one of those that were chosen, and following forks.
 *
 * A program that includes this gets the map `targets`, the constant `target` and three raw
 * tracepoint programs, attached only for TARGET_PROCESS: children of a chosen process are chosen,
 * a process that is freed leaves, and a PID that comes back in another family is dropped.
 *
 * With TARGET_PLAIN there are no control groups and no nested PID namespaces.  With TARGET_LATER `target` is
 * no constant: it is written when the programs are loaded, before they are attached.
 */
#ifndef PROBE_TARGET_BPF_H
#define PROBE_TARGET_BPF_H

#include "probe/cgroup.bpf.h"
#include "probe/kernel.h"
#include "probe/nested.bpf.h"
#include "probe/target.wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#ifdef TARGET_LATER
#define TARGET_CONSTANT volatile
#else
#define TARGET_CONSTANT const volatile
#endif

TARGET_CONSTANT struct target_filter target = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC: laying all out takes milliseconds */
	__uint(max_entries, TARGET_MAX);
	__type(key, u32); /* TARGET_PROCESS: tgid; TARGET_THREAD: tid */
	__type(value, u8);
} targets SEC(".maps");

u64 targets_refused = 0; /* children not followed: the map is full */

#ifndef TARGET_PLAIN
static __always_inline bool in_target_cgroup(struct task_struct *task)
{
	return in_cgroup(task, target.hierarchy, target.cgroup_id);
}

#else
static __always_inline bool in_target_cgroup(struct task_struct *task)
{
	return false;
}
#endif

#ifdef TARGET_PLAIN
#define TARGET_NAMESPACE 0
#else
#define TARGET_NAMESPACE target.pid_namespace
#endif

/* Number of the process of a task, as kymo sees it. */
static __always_inline u32 target_tgid(struct task_struct *task)
{
	if (!TARGET_NAMESPACE)
		return BPF_CORE_READ(task, tgid);
	return nested_tid(BPF_CORE_READ(task, group_leader), target.pid_namespace);
}

/* As bpf_get_current_pid_tgid(), with numbers as kymo sees them. */
static __always_inline u64 target_pid_tgid(void)
{
	struct task_struct *task;

	if (!TARGET_NAMESPACE)
		return bpf_get_current_pid_tgid();
	task = (struct task_struct *)bpf_get_current_task();
	return (u64)target_tgid(task) << 32 | nested_tid(task, target.pid_namespace);
}

/* Whether the current task is wanted; @pid_tgid as target_pid_tgid() gives it. */
static __always_inline bool target_wants(u64 pid_tgid)
{
	u32 key = target.kind == TARGET_THREAD ? (u32)pid_tgid : pid_tgid >> 32;

	if (!(u32)bpf_get_current_pid_tgid()) /* the idle task */
		return false;
	if (target.kind == TARGET_HOST)
		return true;
	if (target.kind == TARGET_CGROUP)
		return in_target_cgroup((struct task_struct *)bpf_get_current_task());
	return bpf_map_lookup_elem(&targets, &key) != NULL;
}

/* As target_pid_tgid(), of any task. */
static __always_inline u64 target_ids(struct task_struct *task)
{
	u32 tid = target.pid_namespace ? nested_tid(task, target.pid_namespace)
				       : (u32)BPF_CORE_READ(task, pid);

	return (u64)target_tgid(task) << 32 | tid;
}

/* As target_wants(), of any task; @ids as target_ids() gives them. */
static __always_inline bool target_wants_task(struct task_struct *task, u64 ids)
{
	u32 key = target.kind == TARGET_THREAD ? (u32)ids : ids >> 32;

	if (!BPF_CORE_READ(task, pid))
		return false;
	if (target.kind == TARGET_HOST)
		return true;
	if (target.kind == TARGET_CGROUP)
		return in_target_cgroup(task);
	return bpf_map_lookup_elem(&targets, &key) != NULL;
}

static __always_inline void target_add(u32 tgid)
{
	u8 one = 1;

	if (bpf_map_update_elem(&targets, &tgid, &one, BPF_ANY))
		__sync_fetch_and_add(&targets_refused, 1);
}

SEC("raw_tp/sched_process_fork")
int target_fork(struct bpf_raw_tracepoint_args *ctx)
{
	u32 parent = target_tgid((struct task_struct *)ctx->args[0]);
	u32 child = target_tgid((struct task_struct *)ctx->args[1]);

	if (parent == child)
		return 0;
	if (bpf_map_lookup_elem(&targets, &parent))
		target_add(child);
	else
		bpf_map_delete_elem(&targets, &child);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int target_exec(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tgid = target_pid_tgid() >> 32;

	if (target.launch_pid && tgid == target.launch_pid)
		target_add(tgid);
	return 0;
}

/* Not at exit: the memory of a process is torn down after that, and is part of its cost.  In a
 * nested namespace the number is gone by now; then it leaves when another process gets it.
 */
SEC("raw_tp/sched_process_free")
int target_free(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	u32 tgid = BPF_CORE_READ(task, tgid);

	if (!target.pid_namespace && tgid == (u32)BPF_CORE_READ(task, pid))
		bpf_map_delete_elem(&targets, &tgid);
	return 0;
}

#endif
