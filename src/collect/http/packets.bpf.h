/* SPDX-License-Identifier: Dual MIT/GPL */
/* packets.bpf.h - requests from the packets of their connections, where the kernel lacks the hooks at sockets.
 *
 *     cgroup_skb/ingress       a packet comes in: the line of a request    soft interrupt
 *     skb_copy_datagram_iovec  the server reads                            its thread
 *     cgroup_skb/egress        a packet goes out: status, bytes            any
 *
 * A request begins with the packet that has its line, whoever will read it; what it is, and whether it is
 * wanted, is decided when it is read.  Who answers is not seen.  What is sent again is known by its sequence
 * numbers.  Of IPv6 only packets whose first header is that of TCP are seen.
 *
 * For http.bpf.c only.
 */
#ifndef COLLECT_HTTP_PACKETS_BPF_H
#define COLLECT_HTTP_PACKETS_BPF_H

#define PASS         1 /* what these programs answer: the packet goes its way */
#define IP4_PROTOCOL 9 /* where headers have what is read of them */
#define IP6_NEXT     6
#define IP6_BYTES    40
#define TCP_SEQUENCE 4
#define TCP_OFFSET   12
#define PROTOCOL_TCP 6

/* The payload of a packet. */
struct payload {
	u32 offset, bytes, seq;
};

static __always_inline u32 from_network(u32 word)
{
	return __builtin_bswap32(word);
}

/* Return: whether it is one of TCP that has any. */
static __always_inline bool find_payload(struct __sk_buff *skb, struct payload *payload)
{
	u32 offset, seq;
	u8 first, protocol;

	if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)) ||
	    bpf_skb_load_bytes(skb, first >> 4 == 4 ? IP4_PROTOCOL : IP6_NEXT, &protocol,
			       sizeof(protocol)) ||
	    protocol != PROTOCOL_TCP)
		return false;
	offset = first >> 4 == 4 ? (first & 15) * 4 : IP6_BYTES;
	if (bpf_skb_load_bytes(skb, offset + TCP_SEQUENCE, &seq, sizeof(seq)) ||
	    bpf_skb_load_bytes(skb, offset + TCP_OFFSET, &first, sizeof(first)))
		return false;
	offset += (first >> 4) * 4;
	if (offset >= skb->len)
		return false;
	*payload = (struct payload){ offset, skb->len - offset, from_network(seq) };
	return true;
}

/* Whether a packet is one of a connection of a server, which is known by the address of its socket. */
static __always_inline bool is_followed(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	u32 port;

	if (!control.armed || !sk || sk->state == STATE_LISTEN || sk->state == STATE_CLOSE)
		return false;
	port = sk->src_port & (HTTP_PORTS - 1);
	return ports[port >> 6] & 1ull << (port & 63);
}

SEC("cgroup_skb/ingress")
int http_packet_in(struct __sk_buff *skb)
{
	struct connection *connection;
	struct packet packet = { .in = skb };
	struct payload payload;
	struct bpf_sock *sk = skb->sk;

	if (!sk || !is_followed(skb) || !find_payload(skb, &payload))
		return PASS;
	connection = follow((const struct sock *)sk);
	if (!connection || connection->stage == STAGE_FOREIGN)
		return PASS;
	if ((connection->has_spoken || connection->stage == STAGE_BEGUN) &&
	    (payload.seq == connection->start_seq || (s32)(payload.seq - connection->read_seq) < 0))
		return PASS; /* sent again, or a probe whether we live, of a byte that was read */
	packet.offset = payload.offset;
	look_at(NULL, connection, &packet, payload.seq, payload.bytes, payload.seq, sk->src_port,
		bpf_ktime_get_ns());
	return PASS;
}

/* The reader is known now: whether the request is wanted, and what it is. */
static __always_inline void packet_take(struct connection *connection)
{
	u64 ids = target_pid_tgid();

	if (!target_wants(ids)) {
		connection->stage = STAGE_IDLE;
		return;
	}
	connection->read_at = bpf_ktime_get_ns();
	connection->pid = ids >> 32;
	connection->tid = (u32)ids;
	judge(connection);
}

/* What came with the handshake (TCP_DEFER_ACCEPT), or before we looked, came in by no packet of the connection. */
static __always_inline void packet_unseen(const struct sock *sk)
{
	if (target_wants(target_pid_tgid()) && follow(sk))
		count(&control.unreadable);
}

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(http_packet_read, const struct sk_buff *skb, int len)
{
	struct connection *connection;
	struct sock *sk = skb->sk;
	u32 end;

	if (!control.armed || !sk || !is_served(sk))
		return 0;
	connection = connection_of(sk);
	if (!connection) {
		packet_unseen(sk);
		return 0;
	}
	end = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq) + len;
	if (connection->stage == STAGE_BEGUN && !connection->is_judged &&
	    (s32)(end - connection->start_seq) > 0)
		packet_take(connection);
	take_read(connection, end);
	return 0;
}

/* The status at the beginning of a packet; 0: none */
static __always_inline u32 packet_status(const struct packet *packet, u32 bytes)
{
	char text[STATUS_BYTES] = {};

	return bytes >= STATUS_BYTES && copy_packet(packet, 0, STATUS_BYTES, text) &&
			       is_answer(text)
		       ? status_of(text)
		       : 0;
}

static __always_inline void packet_more(struct connection *connection, const struct packet *packet,
					u32 bytes, u64 now)
{
	if (connection->status == SWITCHED)
		finish(NULL, connection);
	else if (packet_status(packet, bytes))
		answer_extra(NULL, connection);
	else
		connection->last_at = now;
}

/* Bytes of a packet that have not been sent before. */
static __always_inline u32 take_fresh(struct connection *connection, const struct payload *payload)
{
	u32 end = payload->seq + payload->bytes, fresh = end - connection->written_seq;

	if (!connection->has_sent)
		fresh = payload->bytes;
	else if ((s32)fresh <= 0)
		return 0;
	connection->has_sent = 1;
	connection->written_seq = end;
	return fresh < payload->bytes ? fresh : payload->bytes;
}

SEC("cgroup_skb/egress")
int http_packet_out(struct __sk_buff *skb)
{
	struct packet packet = { .in = skb };
	struct connection *connection;
	struct payload payload;
	u64 now = bpf_ktime_get_ns();
	u32 fresh;

	if (!is_followed(skb) || !find_payload(skb, &payload))
		return PASS;
	connection = connection_of((const struct sock *)skb->sk);
	if (!connection || connection->stage == STAGE_FOREIGN)
		return PASS;
	fresh = take_fresh(connection, &payload);
	if (!fresh)
		return PASS;
	packet.offset = payload.offset;
	if (connection->stage == STAGE_BEGUN && connection->is_judged)
		answer(NULL, connection, packet_status(&packet, payload.bytes), now);
	else if (connection->stage == STAGE_ANSWERED)
		packet_more(connection, &packet, payload.bytes, now);
	else if (connection->stage == STAGE_IDLE && connection->first_at)
		resume(connection);
	if (connection->stage == STAGE_ANSWERED)
		connection->out_bytes += fresh;
	return PASS;
}

#endif
