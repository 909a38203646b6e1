/* SPDX-License-Identifier: Dual MIT/GPL */
/* connection.bpf.h - the connections of servers, and what is known of the request that each is at.
 *
 * For http.bpf.c only.
 */
#ifndef COLLECT_HTTP_CONNECTION_BPF_H
#define COLLECT_HTTP_CONNECTION_BPF_H

enum stage {
	STAGE_IDLE,
	STAGE_BEGUN,
	STAGE_ANSWERED,
	STAGE_FOREIGN,
};

struct connection {
	u64 waits_from; /* first arrival that was not read; 0: all was */
	u64 ready_at, read_at, first_at, last_at;
	u64 in_bytes, out_bytes;
	u64 runq_ns; /* of the thread, when it read; then in between */
	u32 pid, tid;
	u32 start_seq;   /* of the request */
	u32 read_seq;    /* behind what was read of it */
	u32 written_seq; /* where the answer stood when it was last looked at */
	u32 line_bytes;
	u32 stage; /* enum stage; exchanged, as http_settle() runs beside the rest */
	u16 status, port;
	u8 owed;       /* requests that were read before the one before was answered */
	u8 is_judged;  /* that it is a request */
	u8 has_spoken; /* a request came before */
	u8 is_tls;
	u8 is_behind;  /* what is read belongs to the next ones */
	u8 owes_write; /* TLS: plain text that is on its way to the socket */
	u8 has_sent;   /* packets: `written_seq` is behind what was sent */
	u8 reserved;
	/* TLS: what was read since the socket was empty. */
	u32 burst_seq, burst_end;
	u64 burst_ready_at, burst_read_at;
	struct served served;
	char line[LINE_ROOM];
};

u64 ports[HTTP_PORTS / 64] = {}; /* a bit for each that is listened on */

/* By the address of the socket; an entry leaves when its socket is closed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, HTTP_CONNECTIONS_MAX);
	__type(key, u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* What a connection is at first: too large for the stack of a program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct connection);
} blanks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} records SEC(".maps");

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags,
			       struct bpf_dynptr *ret) __ksym __weak;

extern void *bpf_rdonly_cast(const void *object, u32 type) __ksym __weak;

/* What is read of it is loaded at once, without a call. */
static __always_inline const struct tcp_sock *tcp_of(const struct sock *sk)
{
	return bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
}

static __always_inline void count(u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline bool is_served(const struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family, port = sk->__sk_common.skc_num;

	if (family != FAMILY_INET && family != FAMILY_INET6)
		return false;
	if (!(ports[port >> 6] & 1ull << (port & 63)))
		return false;
	return sk->sk_protocol == IPPROTO_TCP && sk->__sk_common.skc_state != STATE_LISTEN;
}

static __always_inline struct connection *connection_of(const struct sock *sk)
{
	u64 key = (u64)sk;

	return bpf_map_lookup_elem(&connections, &key);
}

static __always_inline struct connection *follow(const struct sock *sk)
{
	struct connection *connection = connection_of(sk);
	u64 key = (u64)sk;
	u32 zero = 0;
	void *blank;

	if (connection)
		return connection;
	blank = bpf_map_lookup_elem(&blanks, &zero);
	if (blank)
		bpf_map_update_elem(&connections, &key, blank,
				    BPF_NOEXIST); /* the other side may */
	connection = connection_of(sk);
	if (!connection)
		count(&control.refused);
	return connection;
}

#endif
