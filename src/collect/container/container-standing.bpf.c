/* SPDX-License-Identifier: Dual MIT/GPL */
/* container-standing.bpf.c - the processes that are there when kymo begins to look; each tells its group.
 *
 * An iterator writes, for each record, its length and then the record (collect/object.c reads that).
 * Threads of the kernel are left out: they are in the root, and not in any container.
 */
#include "collect/container/container.wire.h"
#include "probe/event.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task")
int container_standing(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct {
		u64 size;
		struct container_process process;
	} one = { .size = sizeof(one.process) };

	if (!task || task->pid != task->tgid || (task->flags & PF_KTHREAD) || !event_wants(task))
		return 0;
	event_head(&one.process.event, bpf_core_type_id_local(struct container_process), task);
	one.process.ppid = BPF_CORE_READ(task, real_parent, tgid);
	one.process.threads = BPF_CORE_READ(task, signal, nr_threads);
	one.process.duration = one.process.event.at - task->start_time;
	bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	return 0;
}
