/* SPDX-License-Identifier: Dual MIT/GPL */
/* network.bpf.h - bytes by the other end of a socket, from the calls that send and receive.
 *
 * What is received twice with MSG_PEEK counts once.  splice() out of a TCP socket is told by no
 * tracepoint of its own; how far the reader is in the stream says how much it was.
 */
#ifndef COLLECT_BALANCE_NETWORK_BPF_H
#define COLLECT_BALANCE_NETWORK_BPF_H

#define MSG_PEEK        2
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT    2
#define TCP_CLOSE       7
#define RCV_SHUTDOWN    1
#define PORT_BY_CHANCE  32768 /* net.ipv4.ip_local_port_range begins there */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, BALANCE_PEERS_MAX);
	__type(key, struct balance_peer_key);
	__type(value, struct balance_peer);
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, BALANCE_SOCKETS_MAX);
	__type(key, u64); /* address of the sock */
	__type(value, struct balance_socket);
} sockets SEC(".maps");

u64 open_sockets = 0;

static __always_inline void peer_of(struct sock *sock, struct balance_peer_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->family = BPF_CORE_READ(sock, __sk_common.skc_family);
	if (key->family != AF_INET && key->family != AF_INET6)
		return;
	key->protocol = BPF_CORE_READ(sock, sk_protocol);
	if (key->family == AF_INET)
		BPF_CORE_READ_INTO((u32 *)key->address, sock, __sk_common.skc_daddr);
	else
		BPF_CORE_READ_INTO(&key->address, sock, __sk_common.skc_v6_daddr);
	key->port = __builtin_bswap16(BPF_CORE_READ(sock, __sk_common.skc_dport));
	key->local_port = BPF_CORE_READ(sock, __sk_common.skc_num);
	if (key->local_port >= PORT_BY_CHANCE && key->port < PORT_BY_CHANCE)
		key->local_port = 0;
	else if (key->port >= PORT_BY_CHANCE && key->local_port < PORT_BY_CHANCE)
		key->port = 0;
}

static __always_inline struct balance_peer *peer_row(const struct balance_peer_key *key)
{
	struct balance_peer *peer = bpf_map_lookup_elem(&peers, key), blank = {};

	if (peer)
		return peer;
	bpf_map_update_elem(&peers, key, &blank, BPF_NOEXIST);
	peer = bpf_map_lookup_elem(&peers, key);
	if (!peer)
		__sync_fetch_and_add(&refused.peers, 1);
	return peer;
}

static __always_inline bool is_tcp(struct sock *sock)
{
	u16 family = BPF_CORE_READ(sock, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sock, sk_protocol) == IPPROTO_TCP;
}

/* Bytes that were ever taken out of a connection; its end is not one of them. */
static __always_inline u64 taken_of(struct sock *sock)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sock;
	u32 next = BPF_CORE_READ(tcp, rcv_nxt), copied = BPF_CORE_READ(tcp, copied_seq);
	u64 taken = BPF_CORE_READ(tcp, bytes_received) - (u32)(next - copied);

	if (copied == next && (BPF_CORE_READ(sock, sk_shutdown) & RCV_SHUTDOWN))
		taken--;
	return taken;
}

static __always_inline struct balance_socket *socket_row(struct sock *sock)
{
	u64 key = (u64)sock;
	struct balance_socket *row = bpf_map_lookup_elem(&sockets, &key), fresh = {};

	if (row)
		return row;
	peer_of(sock, &fresh.key);
	if (bpf_map_update_elem(&sockets, &key, &fresh, BPF_NOEXIST)) {
		__sync_fetch_and_add(&refused.sockets, 1);
		return NULL;
	}
	__sync_fetch_and_add(&open_sockets, 1);
	row = bpf_map_lookup_elem(&sockets, &key);
	if (row && options.attached)
		row->received = taken_of(sock); /* by whomever */
	return row;
}

static __always_inline void account_bytes(struct sock *sock, s32 bytes, bool is_sent)
{
	struct balance_peer_key key;
	struct balance_peer *peer;

	if (bytes <= 0 || !cell_of_current())
		return;
	peer_of(sock, &key);
	peer = peer_row(&key);
	if (!peer)
		return;
	__sync_fetch_and_add(is_sent ? &peer->sent : &peer->received, (u64)bytes);
	__sync_fetch_and_add(is_sent ? &peer->sends : &peer->receives, 1);
}

SEC("raw_tp/sock_send_length")
int balance_send(struct bpf_raw_tracepoint_args *ctx)
{
	account_bytes((struct sock *)ctx->args[0], ctx->args[1], true);
	return 0;
}

SEC("raw_tp/sock_recv_length")
int balance_receive(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sock = (struct sock *)ctx->args[0];
	struct balance_socket *row;
	s32 bytes = ctx->args[1];

	if (ctx->args[2] & MSG_PEEK)
		return 0;
	account_bytes(sock, bytes, false);
	if (bytes <= 0 || !open_sockets || !may_be_member(bpf_get_current_task_btf()->tgid) ||
	    !is_tcp(sock))
		return 0;
	row = socket_row(sock);
	if (row)
		__sync_fetch_and_add(&row->received, (u64)bytes);
	return 0;
}

/* A reader of a TCP connection has taken something out of it. */
SEC("raw_tp/tcp_rcv_space_adjust")
int balance_taken(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sock = (struct sock *)ctx->args[0];
	struct balance_socket *row;

	if (!cell_of_current())
		return 0;
	row = socket_row(sock);
	if (row)
		row->taken = taken_of(sock);
	return 0;
}

static __always_inline void forget_socket(u64 key, struct balance_socket *row)
{
	struct balance_peer *peer = peer_row(&row->key);

	if (peer) {
		if (row->taken > row->received)
			__sync_fetch_and_add(&peer->outside_received, row->taken - row->received);
		__sync_fetch_and_add(&peer->retransmits, row->retransmits);
	}
	bpf_map_delete_elem(&sockets, &key);
	__sync_fetch_and_add(&open_sockets, -1);
}

static __always_inline void connected(struct sock *sock, struct balance_socket *row)
{
	struct balance_peer *peer;
	u64 took;

	took = bpf_ktime_get_ns() - row->connecting;
	row->connecting = 0;
	peer_of(sock, &row->key);
	peer = peer_row(&row->key);
	if (!peer)
		return;
	__sync_fetch_and_add(&peer->connects, 1);
	__sync_fetch_and_add(&peer->connect, took);
	if (took > peer->connect_most)
		peer->connect_most = took;
}

/* From the third on, whoever is current has nothing to do with it. */
SEC("raw_tp/inet_sock_set_state")
int balance_tcp_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sock = (struct sock *)ctx->args[0];
	u64 key = (u64)sock;
	struct balance_socket *row;
	u32 state = ctx->args[2];

	if (state == TCP_SYN_SENT) {
		row = cell_of_current() ? socket_row(sock) : NULL;
		if (row)
			row->connecting = bpf_ktime_get_ns();
		return 0;
	}
	if (!open_sockets || stopped_at)
		return 0;
	row = bpf_map_lookup_elem(&sockets, &key);
	if (!row)
		return 0;
	if (state == TCP_CLOSE)
		forget_socket(key, row);
	else if (state == TCP_ESTABLISHED && row->connecting)
		connected(sock, row);
	return 0;
}

SEC("raw_tp/tcp_retransmit_skb")
int balance_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 key = ctx->args[0];
	struct balance_socket *row = open_sockets ? bpf_map_lookup_elem(&sockets, &key) : NULL;

	if (row)
		__sync_fetch_and_add(&row->retransmits, 1);
	return 0;
}

#endif
