/* SPDX-License-Identifier: MIT */
/* connection.wire.h - a connection as all records of it tell it, and as it is kept while it is open. */
#ifndef COLLECT_TCP_CONNECTION_WIRE_H
#define COLLECT_TCP_CONNECTION_WIRE_H

#include "probe/event.wire.h"

enum tcp_role {
	TCP_ROLE_UNKNOWN, /* it was open before anybody looked */
	TCP_ROLE_CLIENT,
	TCP_ROLE_SERVER,
};

/* Which connection; in the network namespace of this end. */
#define TCP_ENDS                                                     \
	u8 ip_version HELP("of the packets: 4 or 6");                \
	bool v4_mapped HELP("the socket is of IPv6 and talks IPv4"); \
	id_port local_port HELP("of this end");                      \
	id_port remote_port HELP("of the other end");                \
	id_netns netns HELP("network namespace");                    \
	struct net_address local_addr HELP("of this end");           \
	struct net_address remote_addr HELP("of the other end")

#define TCP_COUNTS                                                                    \
	unit_bytes tx HELP("sent, each byte once");                                   \
	unit_bytes rx HELP("received, each byte once");                               \
	unit_ns rtt HELP("round-trip time, smoothed");                                \
	unit_ns min_rtt HELP("shortest of the last five minutes");                    \
	u32 retransmits HELP("segments sent again, probes for lost ones among them"); \
	u32 segments_out HELP("sent");                                                \
	u32 segments_in HELP("received")

/* One that was open when kymo began to look. */
struct tcp_open {
	struct event event; /* of a process that has a descriptor of it */
	TCP_ENDS;
	TCP_COUNTS;
	u64 socket HIDDEN; /* how it is found again in `connections` */
};

/* What is known of a connection, by its socket: map `connections`. */
enum tcp_owner {
	TCP_OWNER_NONE,
	TCP_OWNER_COMES, /* is being written */
	TCP_OWNER_KNOWN,
};

struct tcp_connection {
	struct event owner; /* the time of it and its type mean nothing */
	u64 born;           /* 0: before anybody looked */
	enum tcp_owner state;
	enum tcp_role role;
	bool is_told;    /* the handshake of a client is */
	bool is_closed;  /* and the end is told; only a reset may come */
	u32 resent;      /* segments sent again that are told */
	u64 resent_told; /* when they were */
};

#endif
