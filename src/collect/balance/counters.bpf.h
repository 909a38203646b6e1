/* SPDX-License-Identifier: Dual MIT/GPL */
/* counters.bpf.h - what the kernel counts by itself of each task. */
#ifndef COLLECT_BALANCE_COUNTERS_BPF_H
#define COLLECT_BALANCE_COUNTERS_BPF_H

#include "collect/balance/balance.wire.h"
#include "probe/kernel.h"
#include "probe/nested.bpf.h"

const volatile struct balance_options options = {};

/* Number of a task as kymo sees it. */
static __always_inline u32 number_of(struct task_struct *task, u32 kernel_number)
{
	return options.pid_namespace ? nested_tid(task, options.pid_namespace) : kernel_number;
}

static __always_inline u64 resident_pages(struct mm_struct *mm)
{
	struct mm_struct___old *old = (void *)mm;
	s64 file, anonymous, shared;

	if (bpf_core_field_exists(mm->rss_stat[0].count)) {
		file = mm->rss_stat[0].count;
		anonymous = mm->rss_stat[1].count;
		shared = mm->rss_stat[3].count;
	} else { /* their verifier follows no pointer into an array of typedefs */
		file = BPF_CORE_READ(old, rss_stat.count[0].counter);
		anonymous = BPF_CORE_READ(old, rss_stat.count[1].counter);
		shared = BPF_CORE_READ(old, rss_stat.count[3].counter);
	}
	return (file > 0 ? file : 0) + (anonymous > 0 ? anonymous : 0) + (shared > 0 ? shared : 0);
}

/* What the kernel counted meanwhile; the cell holds what it was at the beginning. */
static __always_inline void take_counters(struct balance_times *times, struct task_struct *task)
{
	times->kernel_cpu = task->se.sum_exec_runtime - times->kernel_cpu;
	times->kernel_delay = task->sched_info.run_delay - times->kernel_delay;
	times->kernel_voluntary = task->nvcsw - times->kernel_voluntary;
	times->kernel_involuntary = task->nivcsw - times->kernel_involuntary;
	times->minor_faults = task->min_flt - times->minor_faults;
	times->major_faults = task->maj_flt - times->major_faults;
	if (!bpf_core_field_exists(task->ioac.rchar))
		return;
	times->read_chars = task->ioac.rchar - times->read_chars;
	times->written_chars = task->ioac.wchar - times->written_chars;
	times->reads = task->ioac.syscr - times->reads;
	times->writes = task->ioac.syscw - times->writes;
	times->disk_read = task->ioac.read_bytes - times->disk_read;
	times->disk_written = task->ioac.write_bytes - times->disk_written;
	times->disk_cancelled = task->ioac.cancelled_write_bytes - times->disk_cancelled;
}

#endif
