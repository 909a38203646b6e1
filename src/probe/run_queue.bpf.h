/* SPDX-License-Identifier: Dual MIT/GPL */
/* run_queue.bpf.h - how long the current thread has waited for a CPU so far. */
#ifndef PROBE_RUN_QUEUE_BPF_H
#define PROBE_RUN_QUEUE_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* ns; 0 on a kernel that does not count it */
static __always_inline u64 run_queue_ns(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (!bpf_core_field_exists(task->sched_info))
		return 0;
	return BPF_CORE_READ(task, sched_info.run_delay);
}

#endif
