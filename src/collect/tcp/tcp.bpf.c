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

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define CONNECTIONS_SOON 8192   /* at once, in memory that is there from the beginning */
#define CONNECTIONS_MORE 131072 /* and in memory that is taken for each */
#define OWNERLESS_SLOTS  4096   /* a power of 2 */

/* include/uapi/asm-generic/errno.h */
enum {
	EPIPE = 32,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
};

const volatile bool connects KNOB("tell of connections that are made, or not") = true;
const volatile bool accepts KNOB("tell of connections that are taken") = true;
const volatile bool closes KNOB("tell of connections that end") = true;
const volatile bool
	uses KNOB("see by the first use whose a taken connection is, not by its end") = true;

/* Memory that is there from the beginning costs a millisecond for each 3,000 connections then; to take
 * and give it costs 700 ns for each end of a connection.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONNECTIONS_SOON);
	__type(key, u64); /* struct tcp_sock */
	__type(value, struct tcp_connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, CONNECTIONS_MORE);
	__type(key, u64);
	__type(value, struct tcp_connection);
} more_connections SEC(".maps");

bool has_more; /* whether one was ever put there */

/* How many sockets have no owner yet, by a hash of their address: every read and write of every socket
 * of the host comes by, and most can be told from here to be of no interest.
 */
static u32 ownerless[OWNERLESS_SLOTS];

static __always_inline u32 *ownerless_of(struct tcp_sock *tcp)
{
	u64 hash = (u64)tcp * 0x9e3779b97f4a7c15ull >> 32;

	return &ownerless[hash & (OWNERLESS_SLOTS - 1)];
}

static __always_inline struct tcp_connection *connection_of(struct tcp_sock *tcp)
{
	u64 key = (u64)tcp;
	struct tcp_connection *connection = bpf_map_lookup_elem(&connections, &key);

	if (!connection && has_more)
		connection = bpf_map_lookup_elem(&more_connections, &key);
	return connection;
}

/* @lost: type of the record that will be missing where there is no room. */
static __always_inline void remember(struct tcp_sock *tcp, struct tcp_connection *connection,
				     u32 lost)
{
	u64 key = (u64)tcp;

	if (has_more)
		bpf_map_delete_elem(&more_connections, &key);
	if (bpf_map_update_elem(&connections, &key, connection, BPF_ANY)) {
		has_more = true;
		if (bpf_map_update_elem(&more_connections, &key, connection, BPF_ANY)) {
			event_lost(lost);
			return;
		}
	}
	if (connection->state == TCP_OWNER_NONE)
		__sync_fetch_and_add(ownerless_of(tcp), 1);
}

/* Return: whether it had no owner; only one caller is told so. */
static __always_inline bool claim(struct tcp_sock *tcp, struct tcp_connection *connection)
{
	if (connection->state != TCP_OWNER_NONE ||
	    __sync_val_compare_and_swap(&connection->state, TCP_OWNER_NONE, TCP_OWNER_COMES) !=
		    TCP_OWNER_NONE)
		return false;
	__sync_fetch_and_add(ownerless_of(tcp), -1);
	return true;
}

static __always_inline void forget(struct tcp_sock *tcp, struct tcp_connection *connection)
{
	u64 key = (u64)tcp;

	claim(tcp, connection);
	if (bpf_map_delete_elem(&connections, &key) && has_more)
		bpf_map_delete_elem(&more_connections, &key);
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

	if ((!accepts && !closes) || !is_tcp(tcp))
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
	remember(tcp, &connection, bpf_core_type_id_local(struct tcp_close));
}

static __always_inline void on_established(struct tcp_sock *tcp, int old)
{
	struct tcp_connection *connection = connection_of(tcp);

	if (connection) {
		if (connection->role == TCP_ROLE_CLIENT && !connection->is_told) {
			connection->is_told = true;
			tell_connect(connection, (u64)tcp, TCP_OUTCOME_ESTABLISHED, 0);
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

static __always_inline void on_close(struct tcp_sock *tcp, int old)
{
	struct tcp_connection *connection = connection_of(tcp);
	u32 error = read_sock(tcp, sk_err);

	if (!connection) {
		on_close_by_nobody(tcp, old, error);
		return;
	}
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
	forget(tcp, connection);
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
		on_use_by_process(tcp);
		break;
	case TCP_CLOSE:
		if (old != TCP_LISTEN && old != TCP_CLOSE)
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
	tell_close(connection, (u64)tcp, TCP_CLOSE, read_sock(tcp, sk_err));
	forget(tcp, connection);
	return 0;
}
