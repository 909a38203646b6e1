/* SPDX-License-Identifier: Dual MIT/GPL */
/* tcp-syscalls.bpf.c - connects that failed before anything was sent: only the end of the system call
 * tells of them, or of their error.
 *
 * Where something was sent, what becomes of it is told by the states of the socket (tcp.bpf.c), and
 * connect() tells the error of that, maybe later: such sockets are noted until then.
 */
#include "collect/tcp/tcp.bpf.h"
#include "probe/call.bpf.h"
#include "probe/open_file.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define SENDING_MAX 16384 /* handshakes at once */

/* include/uapi/asm-generic/errno.h */
enum {
	EISCONN = 106,
	EALREADY = 114,
	EINPROGRESS = 115,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SENDING_MAX);
	__type(key, u64); /* struct tcp_sock */
	__type(value, u8);
} sending SEC(".maps");

/* As connect() is given it, of IPv4 or of IPv6. */
struct given_address {
	u16 family;
	u16 port; /* in network order */
	union {
		u32 v4;
		struct {
			u32 flow;
			struct net_address v6;
		};
	};
};

static __always_inline void on_state(u64 socket, int old, int state)
{
	struct tcp_sock *tcp = (void *)socket;
	u8 one = 1;

	if (state == TCP_SYN_SENT) {
		/* One for which there is no room is told twice where it fails. */
		if (bpf_map_update_elem(&sending, &socket, &one, BPF_ANY))
			event_lost(bpf_core_type_id_local(struct tcp_connect));
	} else if (old == TCP_SYN_SENT) {
		if (state != TCP_CLOSE ||
		    (!read_sock(tcp, sk_err) && !BPF_CORE_READ(tcp, segs_out)))
			bpf_map_delete_elem(&sending, &socket);
	}
}

SEC("raw_tp/inet_sock_set_state")
int tcp_call_on_state(struct bpf_raw_tracepoint_args *ctx)
{
	on_state(ctx->args[0], ctx->args[1], ctx->args[2]);
	return 0;
}

SEC("raw_tp/tcp_destroy_sock")
int tcp_call_on_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	u64 socket = ctx->args[0];

	bpf_map_delete_elem(&sending, &socket);
	return 0;
}

static __always_inline struct tcp_sock *socket_of(struct task_struct *task, u32 fd)
{
	struct file *file = open_file(task, fd);
	struct socket *socket;
	struct tcp_sock *tcp;
	u16 family;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	tcp = (void *)BPF_CORE_READ(socket, sk);
	if (!tcp)
		return NULL;
	family = read_common(tcp, skc_family);
	return (family == AF_INET || family == AF_INET6) && is_tcp(tcp) ? tcp : NULL;
}

static __always_inline void put_given(struct tcp_connect *connect, u64 address, u64 len)
{
	struct given_address given = {};

	if (len > sizeof(given))
		len = sizeof(given);
	bpf_probe_read_user(&given, len, (void *)address);
	connect->remote_port = bpf_ntohs(given.port);
	if (given.family == AF_INET)
		address_put_v4(&connect->remote_addr, given.v4);
	else if (given.family == AF_INET6)
		connect->remote_addr = given.v6;
	connect->ip_version = address_is_v4(&connect->remote_addr) ? 4 : 6;
}

static __always_inline void tell(struct task_struct *task, struct tcp_sock *tcp, void *regs,
				 u32 error)
{
	struct tcp_connect *connect = event_new(tcp_connect, task);

	if (!connect)
		return;
	connect->latency = NOT_MEASURED;
	put_given(connect, call_argument(regs, 1), call_argument(regs, 2));
	connect->v4_mapped = connect->ip_version == 4 && read_common(tcp, skc_family) == AF_INET6;
	connect->local_port = read_common(tcp, skc_num);
	connect->netns =
		BPF_CORE_READ(tcp, inet_conn.icsk_inet.sk.__sk_common.skc_net.net, ns.inum);
	connect->outcome = TCP_OUTCOME_NOT_SENT;
	connect->errno = error;
	event_send(connect);
}

SEC("raw_tp/sys_exit")
int tcp_on_call(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	void *regs = (void *)ctx->args[0];
	u32 error = call_errno(ctx->args[1]);
	struct tcp_sock *tcp;
	u64 socket;

	if (!error || call_of_task(task) != SYSCALL_CONNECT || call_is_compat(task) ||
	    error == EINPROGRESS || error == EALREADY || error == EISCONN || error == CALL_EINTR ||
	    filter.min_duration || !event_wants(task))
		return 0;
	tcp = socket_of(task, call_argument(regs, 0));
	if (!tcp)
		return 0;
	socket = (u64)tcp;
	if (bpf_map_delete_elem(&sending, &socket))
		tell(task, tcp, regs, error);
	return 0;
}
