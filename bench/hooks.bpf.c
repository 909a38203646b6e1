/* SPDX-License-Identifier: Dual MIT/GPL */
/* hooks.bpf.c - programs that do nothing, on every system call or context switch, or where sockets are read and
 * written: what any observer there costs at least.
 */
#include "probe/kernel.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("raw_tp/sys_enter")
int hook_enter(void *ctx)
{
	return 0;
}

SEC("raw_tp/sys_exit")
int hook_exit(void *ctx)
{
	return 0;
}

SEC("tp_btf/sched_switch")
int hook_switch(void *ctx)
{
	return 0;
}

SEC("tp_btf/sk_data_ready")
int hook_ready(void *ctx)
{
	return 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int hook_read(void *ctx)
{
	return 0;
}

SEC("tp_btf/tcp_sendmsg_locked")
int hook_write(void *ctx)
{
	return 0;
}
