/* SPDX-License-Identifier: MIT */
/* tcp.wire.h - the life of TCP connections.
 *
 * A connection within this host is told twice, once for each of its ends: `local` is this end.  An end
 * belongs to the process that called connect(), or else to the first one that used the socket, or else
 * to the one that closed it.  Where none of them was seen, pid and comm are not told: nobody took the
 * connection, or it was passed on before anybody looked.
 */
#ifndef COLLECT_TCP_TCP_WIRE_H
#define COLLECT_TCP_TCP_WIRE_H

#include "collect/tcp/connection.wire.h"

enum tcp_outcome {
	TCP_OUTCOME_ESTABLISHED,
	TCP_OUTCOME_FAILED,
	TCP_OUTCOME_GIVEN_UP, /* its process closed it before the handshake was over */
	TCP_OUTCOME_NOT_SENT, /* this kernel had no port or no way; only --syscalls knows the error */
};

enum tcp_end {
	TCP_END_UNKNOWN, /* it was missed */
	TCP_END_CLOSED,  /* as it should be */
	TCP_END_RESET_SENT,
	TCP_END_RESET_RECEIVED,
	TCP_END_TIMED_OUT,
	TCP_END_FAILED, /* the error tells why */
};

struct tcp_connect {
	struct event event; /* of who called connect() */
	unit_ns latency HELP("from the first SYN until it was established or had failed");
	TCP_ENDS;
	enum tcp_outcome outcome HELP("of the handshake");
	id_errno errno HELP("0: none");
	u32 retransmits HELP("SYNs sent again");
};

struct tcp_accept {
	struct event event; /* of who used it first */
	unit_ns waited HELP("from the handshake's end until a process used it");
	TCP_ENDS;
};

struct tcp_close {
	struct event event; /* of its owner, whoever closed it */
	unit_ns duration HELP("since the first SYN; of a server, since the handshake's end");
	TCP_ENDS;
	TCP_COUNTS;
	enum tcp_role role HELP("of this end");
	enum tcp_end end HELP("how it ended");
	id_errno errno HELP("that its process got; 0: none");
};

/* Numbers of the kernel, include/net/tcp_states.h. */
enum tcp_phase {
	TCP_PHASE_UNKNOWN,
	TCP_PHASE_ESTABLISHED,
	TCP_PHASE_SYN_SENT,
	TCP_PHASE_SYN_RECEIVED,
	TCP_PHASE_FIN_WAIT1,
	TCP_PHASE_FIN_WAIT2,
	TCP_PHASE_TIME_WAIT,
	TCP_PHASE_CLOSE,
	TCP_PHASE_CLOSE_WAIT,
	TCP_PHASE_LAST_ACK,
	TCP_PHASE_LISTEN,
	TCP_PHASE_CLOSING,
};

/* The first one at once, then at most one in `resend_gap` for each connection. */
struct tcp_retransmit {
	struct event event; /* of its owner */
	TCP_ENDS;
	enum tcp_phase phase HELP("state of the connection");
	u32 segments HELP("sent again, or tried to, since the last such record of it");
	u32 retransmits HELP("sent again in all");
};

enum tcp_reset_way {
	TCP_RESET_WAY_SENT,
	TCP_RESET_WAY_RECEIVED,
};

/* Of a connection that was there: a refused connect() is told as such, and what comes to a port where
 * nobody listens is of no process.
 */
struct tcp_reset {
	struct event event; /* of its owner */
	TCP_ENDS;
	enum tcp_reset_way way HELP("from this end or from the other");
	enum tcp_phase phase HELP("state of the connection at that time");
};

#endif
