/* SPDX-License-Identifier: Dual MIT/GPL */
/* tcp-standing.bpf.c - connections that are open when kymo begins to look, by the descriptors of all
 * processes.
 *
 * Of a connection that several processes have, each is told; the first one counts as its owner.
 */
#include "collect/tcp/tcp.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline bool is_open(struct tcp_sock *tcp)
{
	u8 state = read_common(tcp, skc_state);

	return state != TCP_CLOSE && state != TCP_LISTEN;
}

SEC("iter/task_file")
int tcp_standing(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct tcp_sock *tcp;
	struct {
		u64 size;
		struct tcp_open open;
	} one = { .size = sizeof(one.open) };

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	tcp = (void *)BPF_CORE_READ(socket, sk);
	if (!tcp || !is_tcp(tcp) || !is_open(tcp) || !event_wants(task))
		return 0;
	event_head(&one.open.event, bpf_core_type_id_local(struct tcp_open), task);
	one.open.socket = (u64)tcp;
	put_ends(&one.open, tcp);
	put_counts(&one.open, tcp, read_common(tcp, skc_state), TCP_ROLE_UNKNOWN);
	bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	return 0;
}
