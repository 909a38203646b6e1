/* SPDX-License-Identifier: Dual MIT/GPL */
/* tasks.bpf.c - every task of the host as it is now: where to begin in a tree that runs already, and what
 * the kernel has counted of those that outlive the run.
 */
#include "collect/balance/counters.bpf.h"
#include "probe/reason.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define TASK_WAKING 0x200 /* include/linux/sched.h */
#define TASK_NEW    0x800

/* One reader at a time: not per CPU, its program may move to another. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct balance_task);
} row SEC(".maps");

SEC("iter/task")
int balance_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct syscall_regs call;
	struct balance_task *one;
	u32 zero = 0;

	one = bpf_map_lookup_elem(&row, &zero);
	if (!task || !one)
		return 0;
	__builtin_memset(one, 0, sizeof(*one));
	one->task = (u64)task;
	one->parent = (u64)task->real_parent;
	one->kernel_tgid = task->tgid;
	one->tid = number_of(task, task->pid);
	one->pid = number_of(task->group_leader, task->tgid);
	one->on_cpu = task->on_cpu;
	one->state = task->__state;
	if (one->state & (TASK_WAKING | TASK_NEW))
		one->state = 0;
	one->flags = task->flags & PF_IO_WORKER ? BALANCE_IO_WORKER : 0;
	one->call = -1;
	if (one->state && !one->on_cpu) {
		one->reason = reason_and_call(task, one->state, BLOCK_NONE, &call);
		one->call = call.number < 0 || call.is_compat ? -1 : call.number;
	}
	__builtin_memcpy(one->comm, task->comm, sizeof(one->comm));
	if (task->mm) {
		one->mm = (u64)task->mm;
		one->pages = resident_pages(task->mm);
	}
	one->at = bpf_ktime_get_ns();
	take_counters(&one->counters, task);
	bpf_seq_write(ctx->meta->seq, one, sizeof(*one));
	return 0;
}
