/* SPDX-License-Identifier: Dual MIT/GPL */
/* vma.bpf.c - bpf_find_vma() where task work does not exist: in the tracepoint itself. */
#include "probe/kernel.h"

#include <bpf/bpf_helpers.h>

#include "collect/ability/later.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("raw_tp/task_rename")
int vma(struct bpf_raw_tracepoint_args *ctx)
{
	if ((u32)bpf_get_current_pid_tgid() == wanted_thread)
		look_up();
	return 0;
}
