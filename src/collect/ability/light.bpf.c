/* SPDX-License-Identifier: Dual MIT/GPL */
/* light.bpf.c - whether the kernel loads and relocates a light skeleton by itself. */
#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

u64 thread = 0;

SEC("raw_tp/task_rename")
int light(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	/* Right only if the field was found where this kernel keeps it. */
	thread = (u32)BPF_CORE_READ(task, pid) == (u32)bpf_get_current_pid_tgid();
	return 0;
}
