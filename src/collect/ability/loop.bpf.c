/* SPDX-License-Identifier: Dual MIT/GPL */
/* loop.bpf.c - bpf_loop() with a callback. */
#include "probe/kernel.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static long step(u32 index, u64 *sum)
{
	*sum += index;
	return 0;
}

/* 0 + 1 + ... + 99 */
SEC("raw_tp/task_rename")
int loop(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sum = 0;

	bpf_loop(100, step, &sum, 0);
	return (int)sum;
}
