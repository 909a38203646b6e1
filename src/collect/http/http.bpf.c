/* SPDX-License-Identifier: Dual MIT/GPL */
/* http.bpf.c - requests of HTTP/1 servers from what their sockets tell: nothing is probed in them.
 *
 *     sk_data_ready            bytes lie in the socket     soft interrupt
 *     skb_copy_datagram_iovec  the server reads them       its thread
 *     tcp_sendmsg_locked       the server writes           its thread; before 6.16 no tracepoint but the function
 *     inet_sock_set_state      it closes; it listens       any
 *     http_settle              answers that are over, several times a second
 *
 * A connection is followed where its own port is one that is listened on.  Its states:
 *
 *     IDLE --reads a request line--> BEGUN --writes--> ANSWERED --reads the next, closes, is silent--> IDLE
 *       \--reads something else--> FOREIGN, for good
 *
 * A request line is looked at in the packet, from where the server stands to its end, whatever
 * number of bytes the server asks for: Go reads one.  What follows in the next packets is added.
 * A wait begins with the first byte that lies there and ends with the read that leaves none.
 */
#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "probe/emit.bpf.h"
#include "probe/http.wire.h"
#include "probe/run_queue.bpf.h"
#include "probe/target.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define RING_BYTES   (1 << 22)
#define WORD_BYTES   4   /* by which a method is known */
#define STATUS_BYTES 12  /* "HTTP/1.1 200" */
#define LINE_ROOM    256 /* a multiple of the line that the verifier can follow */
#define FAMILY_INET  2
#define FAMILY_INET6 10
#define READ_AHEAD   1 /* bytes: of the next request, by who only looks whether one comes, as in Go */
#define SWITCHED     101 /* the connection speaks something else from here on */

enum tcp_state { /* include/net/tcp_states.h */
	STATE_ESTABLISHED = 1,
	STATE_FIN_WAIT1 = 4,
	STATE_CLOSE = 7,
	STATE_LAST_ACK = 9,
	STATE_LISTEN = 10,
};

const volatile struct http_options options = {};
struct http_control control = {};

#include "collect/http/runner.bpf.h"

#include "collect/http/connection.bpf.h"

static __always_inline u32 tcp_written(const struct sock *sk)
{
	return tcp_of(sk)->write_seq;
}

static __always_inline void take_written(const struct sock *sk, struct connection *connection)
{
	u32 written;

	if (options.packets)
		return; /* they are counted one by one */
	written = tcp_written(sk);
	connection->out_bytes += written - connection->written_seq;
	connection->written_seq = written;
}

static __always_inline void tell(struct connection *connection)
{
	struct http_record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record) {
		count(&control.dropped);
		return;
	}
	record->ready_at = connection->ready_at;
	record->read_at = connection->read_at;
	record->first_at = connection->first_at;
	record->last_at = connection->last_at;
	record->in_bytes = connection->in_bytes;
	record->out_bytes = connection->out_bytes;
	record->runq_ns = connection->runq_ns;
	record->pid = connection->pid;
	record->tid = connection->tid;
	record->cpu_ns = connection->served.cpu_ns;
	record->goroutine = 0;
	record->port = connection->port;
	record->status = connection->status;
	record->line_bytes = connection->line_bytes;
	record->way = HTTP_WAY_SOCKET;
	record->cpu = connection->served.cpu;
	__builtin_memcpy(record->line, connection->line, HTTP_LINE_BYTES);
	bpf_ringbuf_submit(record, emit_flags(&records, &control.woken_at));
}

/* What is answered is told.  Return: whether a request is still open */
static __always_inline bool finish(const struct sock *sk, struct connection *connection)
{
	u32 next = connection->status == SWITCHED ? STAGE_FOREIGN : STAGE_IDLE;

	if (__sync_val_compare_and_swap(&connection->stage, STAGE_ANSWERED, next) ==
	    STAGE_ANSWERED) {
		take_written(sk, connection);
		tell(connection);
		return false;
	}
	return connection->stage == STAGE_BEGUN;
}

#define word(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

static __always_inline bool is_method(u32 first)
{
	return first == word('G', 'E', 'T', ' ') || first == word('P', 'O', 'S', 'T') ||
	       first == word('P', 'U', 'T', ' ') || first == word('H', 'E', 'A', 'D') ||
	       first == word('D', 'E', 'L', 'E') || first == word('P', 'A', 'T', 'C') ||
	       first == word('O', 'P', 'T', 'I') || first == word('T', 'R', 'A', 'C') ||
	       first == word('C', 'O', 'N', 'N');
}

static __always_inline bool has_body(u32 first)
{
	return first == word('P', 'O', 'S', 'T') || first == word('P', 'U', 'T', ' ') ||
	       first == word('P', 'A', 'T', 'C');
}

/* A packet that is read from its socket, or one that comes in or goes out. */
struct packet {
	struct bpf_dynptr *read;
	struct __sk_buff *in;
	u32 offset; /* of its payload, likewise */
};

/* @bytes: as below.  The verifier of Linux 6.1 does not learn from a comparison that they are not 0. */
static __always_inline long copy_incoming(const struct packet *packet, u32 offset, u64 bytes,
					  char *to)
{
	u64 last = bytes - 1;

	barrier_var(last);
	return bpf_skb_load_bytes(packet->in, packet->offset + offset, to,
				  (last & (HTTP_LINE_BYTES - 1)) + 1);
}

/* Copies @bytes of the payload of a packet, at most HTTP_LINE_BYTES, from @offset on. */
static __always_inline bool copy_packet(const struct packet *packet, u32 offset, u64 bytes,
					char *to)
{
	long err;

	barrier_var(bytes);
	if (!bytes || bytes > HTTP_LINE_BYTES)
		return false;
	if (options.packets)
		err = copy_incoming(packet, offset, bytes, to);
	else
		err = bpf_dynptr_read(to, bytes, packet->read, offset, 0);
	if (!err)
		return true;
	count(&control.unreadable);
	return false;
}

/* Adds what this packet has of the request line behind what is known of it. */
static __always_inline void add_line(struct connection *connection, const struct packet *packet,
				     u32 packet_seq, u32 packet_bytes)
{
	u32 have = connection->line_bytes & (HTTP_LINE_BYTES - 1);
	u32 offset = connection->start_seq + have - packet_seq;
	u64 more = HTTP_LINE_BYTES - have;

	if (connection->line_bytes >= HTTP_LINE_BYTES || offset >= packet_bytes)
		return;
	if (more > packet_bytes - offset)
		more = packet_bytes - offset;
	if (copy_packet(packet, offset, more, connection->line + have))
		connection->line_bytes = have + more;
}

static __always_inline bool is_tls_record(const char *bytes);
static __always_inline void go_lose(bool is_tls);

/* What a connection speaks that is not seen. */
static __always_inline void lose(const struct connection *connection, bool is_tls)
{
	bool is_two = *(u32 *)connection->line == word('P', 'R', 'I', ' ');

	if (options.go && (is_tls || is_two))
		go_lose(is_tls);
	else if (is_tls || is_two)
		count(is_tls ? &control.tls : &control.two);
	else
		count(&control.foreign);
}

/* Once enough of it is known: is it a request? */
static __always_inline void judge(struct connection *connection)
{
	if (connection->is_judged || connection->line_bytes < WORD_BYTES)
		return;
	connection->is_judged = 1;
	if (is_method(*(u32 *)connection->line)) {
		connection->has_spoken = 1;
		return;
	}
	connection->stage = connection->has_spoken ? STAGE_IDLE : STAGE_FOREIGN;
	connection->is_tls =
		options.tls && !connection->has_spoken && is_tls_record(connection->line);
	lose(connection, is_tls_record(connection->line));
}

static __always_inline void begin(struct connection *connection, u16 port, u32 seq, u64 ready)
{
	u64 ids = options.packets ? 0 : target_pid_tgid();

	connection->ready_at = ready;
	connection->read_at = options.packets ? 0 : bpf_ktime_get_ns();
	connection->first_at = connection->last_at = 0;
	connection->in_bytes = connection->out_bytes = 0;
	served_release(&connection->served, (u64)connection);
	connection->served.cpu_ns = 0;
	connection->served.cpu = HTTP_CPU_OFF;
	connection->pid = ids >> 32;
	connection->tid = (u32)ids;
	connection->runq_ns = run_queue_ns();
	connection->start_seq = connection->read_seq = seq;
	connection->line_bytes = 0;
	connection->status = 0;
	connection->is_judged = connection->is_behind = 0;
	connection->port = port;
	connection->stage = STAGE_BEGUN;
}

/* Whether the packet has a method where the server stands, or is too short to tell. */
static __always_inline bool may_begin(const struct packet *packet, u32 offset, u32 left)
{
	u32 first = 0;

	if (left < WORD_BYTES)
		return true;
	return copy_packet(packet, offset, WORD_BYTES, (char *)&first) && is_method(first);
}

/* @seq: where the server stands, in a packet that begins at @packet_seq and has @bytes */
static __always_inline void look_at(const struct sock *sk, struct connection *connection,
				    const struct packet *packet, u32 packet_seq, u32 bytes, u32 seq,
				    u16 port, u64 ready)
{
	u32 offset = seq - packet_seq;

	if (connection->stage == STAGE_BEGUN && seq == connection->start_seq) {
		connection->read_at = bpf_ktime_get_ns(); /* that was a look ahead */
	} else if (connection->stage == STAGE_BEGUN && connection->is_judged) {
		if (bytes - offset >= WORD_BYTES && may_begin(packet, offset, bytes - offset)) {
			connection->owed++;
			/* It may be a part of a body that looks like one. */
			connection->is_behind = !has_body(*(u32 *)connection->line);
			count(&control.pipelined);
		}
	} else if (connection->stage != STAGE_BEGUN) {
		if (connection->has_spoken && !may_begin(packet, offset, bytes - offset))
			return; /* the rest of the request that is being answered */
		finish(sk, connection);
		if (connection->stage == STAGE_FOREIGN)
			return;
		begin(connection, port, seq, ready);
	}
	if (connection->stage == STAGE_BEGUN)
		add_line(connection, packet, packet_seq, bytes);
	if (!options.packets)
		judge(connection);
}

static __always_inline void look(struct sock *sk, struct connection *connection,
				 const struct sk_buff *skb, u32 seq, u64 ready)
{
	u32 packet_seq = *(u32 *)skb->cb, bytes = skb->len;
	struct bpf_dynptr dynptr;
	struct packet packet = { .read = &dynptr };

	if (seq - packet_seq >= bytes)
		return;
	if (bpf_dynptr_from_skb((void *)skb, 0, &dynptr)) {
		count(&control.unreadable);
		return;
	}
	look_at(sk, connection, &packet, packet_seq, bytes, seq, sk->__sk_common.skc_num, ready);
}

/* The first bytes that are written.  Return: 0; negative: they cannot be seen */
static __always_inline long first_bytes(const struct msghdr *message, char *to)
{
	u8 type = message->msg_iter.iter_type;
	unsigned long offset = message->msg_iter.iov_offset;
	void *base = NULL;

	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF))
		base = message->msg_iter.__ubuf_iovec.iov_base;
	barrier_var(base); /* else both ways share one load, which the verifier does not accept */
	if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC))
		base = message->msg_iter.__iov->iov_base;
	if (!base)
		return -1;
	return bpf_probe_read_user(to, STATUS_BYTES, base + offset);
}

static __always_inline bool is_answer(const char *bytes)
{
	return *(u32 *)bytes == word('H', 'T', 'T', 'P') && bytes[4] == '/' && bytes[5] == '1';
}

static __always_inline u32 status_of(const char *bytes)
{
	u32 hundreds = bytes[9] - '0', tens = bytes[10] - '0', ones = bytes[11] - '0';

	if (hundreds > 9 || tens > 9 || ones > 9)
		return 0;
	return hundreds * 100 + tens * 10 + ones;
}

/* An answer begins, unless it only says that the rest of the request may come. */
static __always_inline void answer(const struct sock *sk, struct connection *connection, u32 status,
				   u64 now)
{
	if (status >= 100 && status < 200 && status != SWITCHED)
		return;
	if (!status)
		count(&control.unknown);
	connection->status = status;
	if (!options.packets)
		served_answered(&connection->served, (u64)connection);
	if (!options.packets && connection->tid == (u32)target_pid_tgid())
		connection->runq_ns = run_queue_ns() - connection->runq_ns;
	else
		connection->runq_ns = (u64)-1;
	connection->first_at = connection->last_at = now;
	if (!options.packets)
		connection->written_seq = tcp_written(sk);
	connection->stage = STAGE_ANSWERED;
}

/* The status at the beginning of what is written; 0: none, or it cannot be seen */
static __always_inline u32 first_status(const struct msghdr *message)
{
	char bytes[STATUS_BYTES] = {};

	return !first_bytes(message, bytes) && is_answer(bytes) ? status_of(bytes) : 0;
}

/* An answer to a request that was not told apart: the one before is over, and this one is not timed. */
static __always_inline void answer_extra(const struct sock *sk, struct connection *connection)
{
	if (connection->owed)
		connection->owed--;
	else
		count(&control.pipelined);
	finish(sk, connection);
	connection->first_at = 0;
}

/* More of an answer, or another one, to a request that was not told apart. */
static __always_inline void go_on(const struct sock *sk, struct connection *connection,
				  const struct msghdr *message, u64 now)
{
	/* What follows is of another protocol. */
	if (connection->status == SWITCHED) {
		finish(sk, connection);
		return;
	}
	if (first_status(message)) {
		answer_extra(sk, connection);
		return;
	}
	take_written(sk, connection);
	connection->last_at = now;
}

/* The answer was not over when it was told; or that of a neighbour comes. */
static __always_inline void resume(struct connection *connection)
{
	connection->first_at = 0;
	if (connection->owed)
		connection->owed--;
	else
		count(&control.late);
}

#include "collect/http/go.bpf.h"
#include "collect/http/tls.bpf.h"

/* What is read belongs to the request, unless it belongs to the next ones. */
static __always_inline void take_read(struct connection *connection, u32 end)
{
	if (connection->stage == STAGE_IDLE || connection->is_behind ||
	    (s32)(end - connection->read_seq) <= 0)
		return;
	connection->in_bytes += end - connection->read_seq;
	connection->read_seq = end;
}

#include "collect/http/packets.bpf.h"

SEC("tp_btf/sk_data_ready")
int BPF_PROG(http_ready, struct sock *sk)
{
	struct connection *connection;

	if (!control.armed || !is_served(sk))
		return 0;
	connection = follow(sk);
	if (connection && !connection->waits_from)
		connection->waits_from = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(http_read, const struct sk_buff *skb, int len)
{
	struct sock *sk = skb->sk;
	struct connection *connection;
	u32 seq, end, left;
	u64 ready;

	if (!control.armed || !sk || !is_served(sk))
		return 0;
	connection = follow(sk);
	if (!connection || (connection->stage == STAGE_FOREIGN && !connection->is_tls))
		return 0;
	if (!target_wants(target_pid_tgid()))
		return 0;
	seq = tcp_of(sk)->copied_seq;
	end = seq + len;
	left = tcp_of(sk)->rcv_nxt - end;
	ready = connection->waits_from;
	if ((s32)left <= 0)
		connection->waits_from = 0;
	if (!connection->is_tls)
		look(sk, connection, skb, seq, ready);
	if (connection->is_tls)
		tls_note(sk, connection, seq, end, ready);
	else if (connection->stage == STAGE_BEGUN && connection->is_judged &&
		 seq - connection->start_seq <= READ_AHEAD)
		served_read(&connection->served, (u64)connection);
	take_read(connection, end);
	return 0;
}

static __always_inline void written(struct sock *sk, const struct msghdr *message)
{
	struct connection *connection;
	u64 now;

	if (!control.armed || !is_served(sk))
		return;
	connection = connection_of(sk);
	if (!connection)
		return;
	now = bpf_ktime_get_ns();
	if (connection->is_tls)
		tls_written(sk, connection, message, now);
	else if (connection->stage == STAGE_BEGUN && connection->is_judged)
		answer(sk, connection, first_status(message), now);
	else if (connection->stage == STAGE_ANSWERED)
		go_on(sk, connection, message, now);
	else if (connection->stage == STAGE_IDLE && connection->first_at)
		resume(connection);
}

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(http_write, struct sock *sk, const struct msghdr *message)
{
	written(sk, message);
	return 0;
}

/* The same where the kernel has no such tracepoint, before 6.16: where the function begins. */
SEC("fentry/tcp_sendmsg_locked")
int BPF_PROG(http_write_called, struct sock *sk, struct msghdr *message)
{
	written(sk, message);
	return 0;
}

/* The port of a socket that is closed is 0, so it is not asked for. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(http_state, struct sock *sk, int from, int to)
{
	u16 port = sk->__sk_common.skc_num;
	struct connection *connection;
	u64 key = (u64)sk;

	if (to == STATE_LISTEN && !options.port)
		__sync_fetch_and_or(&ports[port >> 6], 1ull << (port & 63));
	if (to != STATE_FIN_WAIT1 && to != STATE_LAST_ACK && to != STATE_CLOSE &&
	    to != STATE_ESTABLISHED)
		return 0;
	connection = connection_of(sk);
	if (!connection)
		return 0;
	if (control.armed && finish(sk, connection) && connection->is_judged)
		count(&control.unanswered);
	served_release(&connection->served, (u64)connection);
	connection->stage = STAGE_FOREIGN;
	if (to == STATE_CLOSE || to == STATE_ESTABLISHED)
		bpf_map_delete_elem(&connections, &key);
	return 0;
}

static long settle(void *map, const u64 *key, struct connection *connection, void *context)
{
	if (control.is_last && connection->stage == STAGE_BEGUN && connection->is_judged)
		count(&control.unanswered);
	if (connection->stage == STAGE_ANSWERED &&
	    (control.is_last ||
	     (s64)(bpf_ktime_get_ns() - connection->last_at) >= (s64)options.settle_ns))
		finish((const struct sock *)*key, connection);
	return 0;
}

static long settle_go(void *map, const struct runner *key, struct go_request *kept, void *context)
{
	if (kept->is_open && !kept->is_left) {
		count(&control.unanswered);
		__sync_fetch_and_add(&control.go_open, -1);
	}
	return 0;
}

/* Run by user space, several times a second. */
SEC("syscall")
int http_settle(void *ctx)
{
	bpf_for_each_map_elem(&connections, settle, NULL, 0);
	if (control.is_last && options.go)
		bpf_for_each_map_elem(&go_requests, settle_go, NULL, 0);
	return 0;
}
