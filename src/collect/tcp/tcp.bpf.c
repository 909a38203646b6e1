/* SPDX-License-Identifier: Dual MIT/GPL */
/* tcp.bpf.c - connections by the states of their sockets.
 *
 *     client: SYN_SENT ──> ESTABLISHED ──┐                  ┌──> ... ──> CLOSE
 *                                        ├─> FIN_WAIT1 or ──┘
 *     server: SYN_RECV ──> ESTABLISHED ──┘   LAST_ACK
 *
 * Most of it happens in interrupts, where the current process is any.  It is the owner's in SYN_SENT
 * (connect), in FIN_WAIT1 and LAST_ACK (close, shutdown), and where a socket is read or written, which
 * is how an accepted one gets its owner: no tracepoint but that of the system call tells of accept().
 *
 * A program that would interrupt itself is not run by the kernel, so a state may be missed.  What that
 * would have told is told at the next state, or else counted as lost; a socket that is gone leaves the
 * map in any case.
 */
#include "collect/tcp/tcp.bpf.h"
#include "collect/tcp/connections.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* include/uapi/asm-generic/errno.h */
enum {
	EPIPE = 32,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
};

const volatile bool connects KNOB("tell of connections that are made, or not") = true;
const volatile bool accepts KNOB("tell of connections that are taken") = true;
const volatile bool closes KNOB("tell of connections that end") = true;
const volatile bool resends KNOB("tell of segments that are sent again") = true;
const volatile bool resets KNOB("tell of connections that are reset") = true;
const volatile bool unsent KNOB("tell of connects that send nothing, not knowing the error") = true;
const volatile unit_ns
	resend_gap KNOB("between two records of what one connection sends again") = 100000000;
const volatile bool
	uses KNOB("see by the first use whose a taken connection is, not by its end") = true;

/* Whether anything but the handshake is told. */
static __always_inline bool outlasts_handshake(void)
{
	return closes || resends || resets;
}

/* Whether nothing is told but how connects end, so that most changes of state are of no interest. */
static __always_inline bool tells_handshakes_only(void)
{
	return !accepts && !outlasts_handshake();
}

static __always_inline void on_connect(struct tcp_sock *tcp)
{
	struct tcp_connection connection = { .role = TCP_ROLE_CLIENT, .state = TCP_OWNER_KNOWN };
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!is_tcp(tcp) || !event_wants(task))
		return;
	event_head(&connection.owner, 0, task);
	connection.born = connection.owner.at;
	remember(tcp, &connection, bpf_core_type_id_local(struct tcp_connect));
}

static __always_inline void on_arrival(struct tcp_sock *tcp)
{
	struct tcp_connection connection = { .role = TCP_ROLE_SERVER, .state = TCP_OWNER_NONE };

	if (tells_handshakes_only() || !is_tcp(tcp))
		return;
	event_head_of_nobody(&connection.owner);
	connection.born = bpf_ktime_get_ns();
	remember(tcp, &connection, bpf_core_type_id_local(struct tcp_accept));
}

/* Its life, or the part of it that matters; @connection may have begun before anybody looked. */
static __always_inline u64 since_birth(const struct tcp_connection *connection, u64 now)
{
	return connection->born ? now - connection->born : NOT_MEASURED;
}

static __always_inline bool is_wanted(const struct tcp_connection *connection, u64 now)
{
	if (filter.min_duration &&
	    (!connection->born || now - connection->born < filter.min_duration))
		return false;
	return connection->state == TCP_OWNER_KNOWN || !event_wants_some();
}

/* Functions that are not static are verified once, and not at each place that calls them. */
__noinline int tell_connect(struct tcp_connection *connection, u64 socket, u32 outcome, u32 error)
{
	struct tcp_sock *tcp = (void *)socket;
	u64 now = bpf_ktime_get_ns();
	struct tcp_connect *connect;

	if (!connection || !connects || !is_wanted(connection, now))
		return 0;
	connect = event_new_of(tcp_connect, &connection->owner, now);
	if (!connect)
		return 0;
	connect->latency = since_birth(connection, now);
	put_ends(connect, tcp);
	connect->outcome = outcome;
	connect->errno = error;
	connect->retransmits = BPF_CORE_READ(tcp, total_retrans);
	event_send(connect);
	return 0;
}

/* Its first SYN was missed. */
static __always_inline void on_connected_by_nobody(struct tcp_sock *tcp)
{
	struct tcp_connection connection = { .role = TCP_ROLE_CLIENT,
					     .state = TCP_OWNER_NONE,
					     .is_told = true };

	if (!is_tcp(tcp))
		return;
	event_head_of_nobody(&connection.owner);
	tell_connect(&connection, (u64)tcp, TCP_OUTCOME_ESTABLISHED, 0);
	if (outlasts_handshake())
		remember(tcp, &connection, bpf_core_type_id_local(struct tcp_close));
}

static __always_inline void on_established(struct tcp_sock *tcp, int old)
{
	struct tcp_connection *connection;

	if (old == TCP_SYN_RECV && tells_handshakes_only())
		return;
	connection = connection_of(tcp);
	if (connection) {
		if (connection->role == TCP_ROLE_CLIENT && !connection->is_told) {
			connection->is_told = true;
			tell_connect(connection, (u64)tcp, TCP_OUTCOME_ESTABLISHED, 0);
			if (!outlasts_handshake())
				forget(tcp, connection);
		}
	} else if (old == TCP_SYN_RECV) {
		on_arrival(tcp);
	} else if (old == TCP_SYN_SENT && !event_wants_some()) {
		on_connected_by_nobody(tcp);
	}
}

static __always_inline void send_accept(struct tcp_sock *tcp, struct tcp_connection *connection)
{
	u64 now = connection->owner.at;
	struct tcp_accept *accept;

	if (!accepts || connection->role != TCP_ROLE_SERVER || !is_wanted(connection, now))
		return;
	accept = event_new_of(tcp_accept, &connection->owner, now);
	if (!accept)
		return;
	accept->waited = since_birth(connection, now);
	put_ends(accept, tcp);
	event_send(accept);
}

/* The current process has it: it reads, writes or closes. */
__noinline int take(u64 socket)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct tcp_sock *tcp = (void *)socket;
	struct tcp_connection *connection = connection_of(tcp);

	if (!connection || !claim(tcp, connection))
		return 0;
	if (!event_wants(task)) {
		forget(tcp, connection);
		return 0;
	}
	event_head(&connection->owner, 0, task);
	connection->state = TCP_OWNER_KNOWN;
	send_accept(tcp, connection);
	return 0;
}

static __always_inline void on_use(struct tcp_sock *tcp)
{
	if (*ownerless_of(tcp))
		take((u64)tcp);
}

/* Descriptors may be closed late, by a thread of the kernel. */
static __always_inline void on_use_by_process(struct tcp_sock *tcp)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (*ownerless_of(tcp) && !(BPF_CORE_READ(task, flags) & PF_KTHREAD))
		take((u64)tcp);
}

/* Without an error: whether this end has just sent, or is about to send, a reset. */
static __always_inline bool is_abort(struct tcp_sock *tcp, int old)
{
	u64 flags = read_common(tcp, skc_flags);

	switch (old) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
	case TCP_FIN_WAIT1: /* what came after the close was refused */
		return true;
	case TCP_FIN_WAIT2: /* else it goes on as a socket in TIME_WAIT */
		return !(flags & (1 << SOCK_DEAD | 1 << SOCK_DONE));
	default:
		return false;
	}
}

/* @old: TCP_CLOSE: the state before is not known. */
static __always_inline enum tcp_end end_of(struct tcp_sock *tcp, int old, u32 error)
{
	switch (error) {
	case 0:
		if (old == TCP_CLOSE)
			return TCP_END_UNKNOWN;
		return is_abort(tcp, old) ? TCP_END_RESET_SENT : TCP_END_CLOSED;
	case EPIPE:
	case ECONNRESET:
		return TCP_END_RESET_RECEIVED;
	case ETIMEDOUT:
		return TCP_END_TIMED_OUT;
	default:
		return TCP_END_FAILED;
	}
}

__noinline int tell_close(struct tcp_connection *connection, u64 socket, int old, u32 error)
{
	struct tcp_sock *tcp = (void *)socket;
	u64 now = bpf_ktime_get_ns();
	struct tcp_close *close;

	if (!connection)
		return 0;
	if (connection->role == TCP_ROLE_CLIENT && connects && !connection->is_told)
		event_lost(bpf_core_type_id_local(struct tcp_connect));
	if (!closes || !is_wanted(connection, now))
		return 0;
	close = event_new_of(tcp_close, &connection->owner, now);
	if (!close)
		return 0;
	close->duration = since_birth(connection, now);
	put_ends(close, tcp);
	put_counts(close, tcp, old, connection->role);
	close->role = connection->role;
	close->end = end_of(tcp, old, error);
	close->errno = error;
	event_send(close);
	return 0;
}

static __always_inline void on_failure(struct tcp_sock *tcp, struct tcp_connection *connection,
				       u32 error)
{
	enum tcp_outcome outcome = TCP_OUTCOME_FAILED;

	if (!error) {
		u32 sent = BPF_CORE_READ(tcp, segs_out);

		if (!sent && !unsent)
			return;
		outcome = sent ? TCP_OUTCOME_GIVEN_UP : TCP_OUTCOME_NOT_SENT;
		error = ~0u;
	}
	tell_connect(connection, (u64)tcp, outcome, error);
}

static __always_inline void on_close_by_nobody(struct tcp_sock *tcp, int old, u32 error)
{
	struct tcp_connection nobody = { .role = TCP_ROLE_UNKNOWN };

	if (old == TCP_SYN_RECV || event_wants_some() || !is_tcp(tcp))
		return;
	event_head_of_nobody(&nobody.owner);
	if (old == TCP_SYN_SENT)
		on_failure(tcp, &nobody, error);
	else
		tell_close(&nobody, (u64)tcp, old, error);
}

/* Whether one may still be sent in this state, after the change to TCP_CLOSE. */
static __always_inline bool sends_reset(int old)
{
	return old != TCP_SYN_SENT && old != TCP_SYN_RECV && old != TCP_LAST_ACK;
}

static __always_inline void on_close(struct tcp_sock *tcp, int old)
{
	struct tcp_connection *connection = connection_of(tcp);
	u32 error = read_sock(tcp, sk_err);

	if (!connection) {
		on_close_by_nobody(tcp, old, error);
		return;
	}
	if (connection->is_closed)
		return;
	if (old == TCP_SYN_SENT || (old == TCP_SYN_RECV && connection->role == TCP_ROLE_CLIENT)) {
		on_failure(tcp, connection, error);
	} else if (old != TCP_SYN_RECV) {
		/* Without an error it is the process that does it; of what nobody took, whoever
		 * closed the listening socket.
		 */
		if (!error && (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT) &&
		    read_sock(tcp, sk_socket))
			on_use_by_process(tcp);
		tell_close(connection, (u64)tcp, old, error);
	}
	if (resets && sends_reset(old)) {
		claim(tcp, connection); /* nobody takes it any more */
		connection->is_closed = true;
	} else {
		forget(tcp, connection);
	}
}

SEC("raw_tp/inet_sock_set_state")
int tcp_on_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct tcp_sock *tcp = (void *)ctx->args[0];
	int old = ctx->args[1], state = ctx->args[2];

	switch (state) {
	case TCP_SYN_SENT:
		on_connect(tcp);
		break;
	case TCP_SYN_RECV:
		if (old == TCP_LISTEN)
			on_arrival(tcp);
		break;
	case TCP_ESTABLISHED:
		on_established(tcp, old);
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		if (!tells_handshakes_only())
			on_use_by_process(tcp);
		break;
	case TCP_CLOSE:
		if (old != TCP_LISTEN && old != TCP_CLOSE &&
		    (old == TCP_SYN_SENT || old == TCP_SYN_RECV || !tells_handshakes_only()))
			on_close(tcp, old);
		break;
	}
	return 0;
}

SEC("raw_tp/sock_send_length")
OPTIONAL("tcp: processes of taken connections before they close them")
ALSO_AT(sock_recv_length)
WHEN(uses)
int tcp_on_use(struct bpf_raw_tracepoint_args *ctx)
{
	on_use((void *)ctx->args[0]);
	return 0;
}

/* Only a socket whose last state was missed is still there. */
SEC("raw_tp/tcp_destroy_sock")
int tcp_on_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	struct tcp_sock *tcp = (void *)ctx->args[0];
	struct tcp_connection *connection = connection_of(tcp);

	if (!connection)
		return 0;
	if (!connection->is_closed)
		tell_close(connection, (u64)tcp, TCP_CLOSE, read_sock(tcp, sk_err));
	forget(tcp, connection);
	return 0;
}

/* What may come in a flood must leave room for the connections themselves. */
static __always_inline bool has_room(u32 type)
{
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) <
	    bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 2)
		return true;
	event_lost(type);
	return false;
}

__noinline int tell_retransmit(struct tcp_connection *connection, u64 socket, u64 now)
{
	struct tcp_sock *tcp = (void *)socket;
	struct tcp_retransmit *retransmit;
	u32 total, type = bpf_core_type_id_local(struct tcp_retransmit);

	if (!connection || !is_wanted(connection, now) || !has_room(type))
		return 0;
	retransmit = event_new_of(tcp_retransmit, &connection->owner, now);
	if (!retransmit)
		return 0;
	total = BPF_CORE_READ(tcp, total_retrans);
	put_ends(retransmit, tcp);
	retransmit->phase = read_common(tcp, skc_state);
	retransmit->segments = total - connection->resent;
	retransmit->retransmits = total;
	connection->resent = total;
	connection->resent_told = now;
	event_send(retransmit);
	return 0;
}

/* Of a connection that was open before anybody looked, and whose descriptor nobody has here. */
static __always_inline struct tcp_connection *meet(struct tcp_sock *tcp)
{
	struct tcp_connection connection = { .role = TCP_ROLE_UNKNOWN };

	if (event_wants_some() || !is_tcp(tcp))
		return NULL;
	event_head_of_nobody(&connection.owner);
	connection.resent = BPF_CORE_READ(tcp, total_retrans) - 1;
	remember(tcp, &connection, bpf_core_type_id_local(struct tcp_close));
	return connection_of(tcp);
}

SEC("raw_tp/tcp_retransmit_skb")
OPTIONAL("tcp: segments that are sent again, one by one")
WHEN(resends)
int tcp_on_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	struct tcp_sock *tcp = (void *)ctx->args[0];
	struct tcp_connection *connection = connection_of(tcp) ?: meet(tcp);
	u64 now = bpf_ktime_get_ns();

	if (connection && now - connection->resent_told >= resend_gap)
		tell_retransmit(connection, (u64)tcp, now);
	return 0;
}

__noinline int tell_reset(u64 socket, u32 way)
{
	struct tcp_sock *tcp = (void *)socket;
	struct tcp_connection *connection = connection_of(tcp);
	u64 now = bpf_ktime_get_ns();
	struct tcp_reset *reset;
	u32 state;

	if (!connection || !is_wanted(connection, now))
		return 0;
	state = read_common(tcp, skc_state);
	if (state == TCP_SYN_SENT || !has_room(bpf_core_type_id_local(struct tcp_reset)))
		return 0;
	reset = event_new_of(tcp_reset, &connection->owner, now);
	if (!reset)
		return 0;
	put_ends(reset, tcp);
	reset->way = way;
	reset->phase = state;
	event_send(reset);
	return 0;
}

SEC("raw_tp/tcp_receive_reset")
OPTIONAL("tcp: resets that come")
WHEN(resets)
int tcp_on_reset(struct bpf_raw_tracepoint_args *ctx)
{
	tell_reset(ctx->args[0], TCP_RESET_WAY_RECEIVED);
	return 0;
}

/* NULL: of no connection. */
SEC("raw_tp/tcp_send_reset")
OPTIONAL("tcp: resets that are sent")
WHEN(resets)
int tcp_on_resetting(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[0])
		tell_reset(ctx->args[0], TCP_RESET_WAY_SENT);
	return 0;
}
