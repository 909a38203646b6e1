/* SPDX-License-Identifier: Dual MIT/GPL */
/* process-standing.bpf.c - the processes that are there when kymo begins to look.
 *
 * An iterator writes, for each record, its length and then the record (collect/object.c reads that).
 */
#include "collect/process/process.wire.h"
#include "collect/process/usage.bpf.h"
#include "probe/event.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task")
int process_standing(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct usage usage = {};
	struct {
		u64 size;
		struct process_alive alive;
	} one = { .size = sizeof(one.alive) };

	if (!task || task->pid != task->tgid || !event_wants(task))
		return 0;
	event_head(&one.alive.event, bpf_core_type_id_local(struct process_alive), task);
	one.alive.ppid = BPF_CORE_READ(task, real_parent, tgid);
	one.alive.duration = one.alive.event.at - task->start_time;
	usage_add_threads(&usage, task);
	one.alive.cpu = usage.cpu;
	bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	return 0;
}
