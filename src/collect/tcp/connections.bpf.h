/* SPDX-License-Identifier: Dual MIT/GPL */
/* connections.bpf.h - what is known of the connections that are open, and which of them nobody has yet. */
#ifndef COLLECT_TCP_CONNECTIONS_BPF_H
#define COLLECT_TCP_CONNECTIONS_BPF_H

#include "collect/tcp/connection.wire.h"
#include "probe/event.bpf.h"

#define CONNECTIONS_SOON 4096  /* at once, in memory that is there from the beginning */
#define CONNECTIONS_MORE 65536 /* and in memory that is taken for each */
#define OWNERLESS_SLOTS  4096  /* a power of 2 */

/* Memory that is there from the beginning costs a millisecond for each 3,000 connections then; to take
 * and give it costs 700 ns for each end of a connection.  A table without it costs a millisecond for
 * each 30,000 it has room for.
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

#endif
