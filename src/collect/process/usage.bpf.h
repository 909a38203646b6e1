/* SPDX-License-Identifier: Dual MIT/GPL */
/* usage.bpf.h - what a process has used: of its threads that are there, and of those that are gone. */
#ifndef COLLECT_PROCESS_USAGE_BPF_H
#define COLLECT_PROCESS_USAGE_BPF_H

#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define USAGE_THREADS_MAX 32768 /* of one process that are added up */

struct usage {
	struct list_head *head, *at;
	u64 cpu, minor, major, voluntary, involuntary, read, written, read_calls, write_calls;
};

static __always_inline void usage_add_thread(struct usage *usage, struct task_struct *task)
{
	usage->cpu += BPF_CORE_READ(task, se.sum_exec_runtime);
	usage->minor += BPF_CORE_READ(task, min_flt);
	usage->major += BPF_CORE_READ(task, maj_flt);
	usage->voluntary += BPF_CORE_READ(task, nvcsw);
	usage->involuntary += BPF_CORE_READ(task, nivcsw);
	usage->read += BPF_CORE_READ(task, ioac.read_bytes);
	usage->written += BPF_CORE_READ(task, ioac.write_bytes);
	usage->read_calls += BPF_CORE_READ(task, ioac.rchar);
	usage->write_calls += BPF_CORE_READ(task, ioac.wchar);
}

static long usage_add_next_thread(u32 index, void *context)
{
	struct usage *usage = context;
	struct list_head *at = usage->at;

	if (!at || at == usage->head)
		return 1;
	usage_add_thread(usage,
			 (void *)at - bpf_core_field_offset(struct task_struct, thread_node));
	usage->at = BPF_CORE_READ(at, next);
	return 0;
}

/* All of a process; @task is one of its threads. */
static __always_inline void usage_add_threads(struct usage *usage, struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct list_head *head;

	usage->cpu = BPF_CORE_READ(signal, sum_sched_runtime);
	usage->minor = BPF_CORE_READ(signal, min_flt);
	usage->major = BPF_CORE_READ(signal, maj_flt);
	usage->voluntary = BPF_CORE_READ(signal, nvcsw);
	usage->involuntary = BPF_CORE_READ(signal, nivcsw);
	usage->read = BPF_CORE_READ(signal, ioac.read_bytes);
	usage->written = BPF_CORE_READ(signal, ioac.write_bytes);
	usage->read_calls = BPF_CORE_READ(signal, ioac.rchar);
	usage->write_calls = BPF_CORE_READ(signal, ioac.wchar);
	if (BPF_CORE_READ(signal, nr_threads) == 1) {
		usage_add_thread(usage, task);
		return;
	}
	/* Others that end in this moment are in the list until they are in the sums. */
	head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	usage->head = head;
	usage->at = BPF_CORE_READ(head, next);
	bpf_loop(USAGE_THREADS_MAX, usage_add_next_thread, usage, 0);
}

#endif
