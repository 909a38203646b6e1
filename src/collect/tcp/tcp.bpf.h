/* SPDX-License-Identifier: Dual MIT/GPL */
/* tcp.bpf.h - what a socket of TCP tells of itself. */
#ifndef COLLECT_TCP_TCP_BPF_H
#define COLLECT_TCP_TCP_BPF_H

#include "collect/tcp/tcp.wire.h"
#include "probe/address.bpf.h"
#include "probe/event.bpf.h"

#define NS_PER_US 1000

/* include/net/tcp_states.h */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};

/* Assigned as a whole: a record has these among its members. */
struct tcp_ends {
	TCP_ENDS;
};

struct tcp_counts {
	TCP_COUNTS;
};

/* All of it is read by way of struct tcp_sock, also where any socket will do: for each further type that
 * a program names the kernel searches its own ones, which takes a millisecond.
 */
#define read_inet(tcp, field)   BPF_CORE_READ(tcp, inet_conn.icsk_inet.field)
#define read_sock(tcp, field)   BPF_CORE_READ(tcp, inet_conn.icsk_inet.sk.field)
#define read_common(tcp, field) BPF_CORE_READ(tcp, inet_conn.icsk_inet.sk.__sk_common.field)

static __always_inline bool is_tcp(struct tcp_sock *tcp)
{
	return read_sock(tcp, sk_protocol) == IPPROTO_TCP;
}

static __always_inline void read_addresses(struct tcp_sock *tcp, u16 family, struct tcp_ends *ends)
{
	if (family == AF_INET6 &&
	    bpf_core_field_exists(tcp->inet_conn.icsk_inet.sk.__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&ends->local_addr, tcp,
				   inet_conn.icsk_inet.sk.__sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&ends->remote_addr, tcp,
				   inet_conn.icsk_inet.sk.__sk_common.skc_v6_daddr);
		return;
	}
	address_put_v4(&ends->local_addr, read_common(tcp, skc_rcv_saddr));
	address_put_v4(&ends->remote_addr, read_common(tcp, skc_daddr));
}

/* Its port is in inet_sport: the other copy is gone by the time of the close. */
static __always_inline void read_ends(struct tcp_sock *tcp, struct tcp_ends *ends)
{
	u16 family = read_common(tcp, skc_family);

	ends->local_port = bpf_ntohs(read_inet(tcp, inet_sport));
	ends->remote_port = bpf_ntohs(read_common(tcp, skc_dport));
	ends->netns = BPF_CORE_READ(tcp, inet_conn.icsk_inet.sk.__sk_common.skc_net.net, ns.inum);
	read_addresses(tcp, family, ends);
	ends->ip_version = address_is_v4(&ends->remote_addr) ? 4 : 6;
	ends->v4_mapped = family == AF_INET6 && ends->ip_version == 4;
}

#define put_ends(record, tcp)                              \
	do {                                               \
		struct tcp_ends ends_ = {};                \
		read_ends(tcp, &ends_);                    \
		(record)->ip_version = ends_.ip_version;   \
		(record)->v4_mapped = ends_.v4_mapped;     \
		(record)->local_port = ends_.local_port;   \
		(record)->remote_port = ends_.remote_port; \
		(record)->netns = ends_.netns;             \
		(record)->local_addr = ends_.local_addr;   \
		(record)->remote_addr = ends_.remote_addr; \
	} while (0)

/* Whether the closing segment of this end is among what was sent. */
static __always_inline bool has_sent_fin(int state, u32 next, u32 last)
{
	switch (state) {
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		return next == last;
	default:
		return false;
	}
}

/* Bytes sent, each once.  What the own host drops on its way out is sent again without being counted
 * so; hence what was acknowledged and what is on the way, of which SYN and FIN count as a byte each.
 */
static __always_inline u64 sent_once(struct tcp_sock *tcp, int state, enum tcp_role role)
{
	u64 sent = BPF_CORE_READ(tcp, bytes_sent), again = BPF_CORE_READ(tcp, bytes_retrans);
	u64 acked = BPF_CORE_READ(tcp, bytes_acked);
	u32 next = BPF_CORE_READ(tcp, snd_nxt), last = BPF_CORE_READ(tcp, write_seq);
	u64 once = acked + (next - BPF_CORE_READ(tcp, snd_una));
	u64 least = has_sent_fin(state, next, last) + (role == TCP_ROLE_CLIENT);

	once = once > least ? once - least : 0;
	sent = sent > again ? sent - again : 0;
	return (role == TCP_ROLE_UNKNOWN || state == TCP_CLOSE) && sent < once ? sent : once;
}

/* @state: that it is in, or was in before it was closed; TCP_CLOSE where that was missed. */
static __always_inline void read_counts(struct tcp_sock *tcp, int state, enum tcp_role role,
					struct tcp_counts *counts)
{
	u32 rtt = BPF_CORE_READ(tcp, srtt_us), least = BPF_CORE_READ(tcp, rtt_min.s[0].v);

	counts->tx = sent_once(tcp, state, role);
	counts->rx = BPF_CORE_READ(tcp, bytes_received);
	/* The closing segment of the other end counts there as a byte. */
	if (counts->rx && read_common(tcp, skc_flags) & 1 << SOCK_DONE)
		counts->rx--;
	counts->rtt = rtt ? (u64)(rtt >> 3) * NS_PER_US : NOT_MEASURED;
	counts->min_rtt = least != ~0u ? (u64)least * NS_PER_US : NOT_MEASURED;
	counts->retransmits = BPF_CORE_READ(tcp, total_retrans);
	counts->segments_out = BPF_CORE_READ(tcp, segs_out);
	counts->segments_in = BPF_CORE_READ(tcp, segs_in);
}

#define put_counts(record, tcp, state, role)                   \
	do {                                                   \
		struct tcp_counts counts_ = {};                \
		read_counts(tcp, state, role, &counts_);       \
		(record)->tx = counts_.tx;                     \
		(record)->rx = counts_.rx;                     \
		(record)->rtt = counts_.rtt;                   \
		(record)->min_rtt = counts_.min_rtt;           \
		(record)->retransmits = counts_.retransmits;   \
		(record)->segments_out = counts_.segments_out; \
		(record)->segments_in = counts_.segments_in;   \
	} while (0)

#endif
