/* SPDX-License-Identifier: Dual MIT/GPL */
/* address.bpf.h - addresses of sockets and packets as struct net_address. */
#ifndef PROBE_ADDRESS_BPF_H
#define PROBE_ADDRESS_BPF_H

#include "probe/event.wire.h"
#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* ::ffff:a.b.c.d */
static __always_inline void address_put_v4(struct net_address *address, u32 v4)
{
	*address = (struct net_address){ .bytes = { [10] = 0xff, [11] = 0xff } };
	__builtin_memcpy(address->bytes + 12, &v4, sizeof(v4));
}

static __always_inline bool address_is_v4(const struct net_address *address)
{
	u64 high;
	u32 middle;

	__builtin_memcpy(&high, address->bytes, sizeof(high));
	__builtin_memcpy(&middle, address->bytes + 8, sizeof(middle));
	return !high && middle == bpf_htonl(0xffff);
}

/* Of a socket of TCP or UDP. */
static __always_inline void address_of_sock(struct sock *sk, u16 family, struct net_address *local,
					    struct net_address *remote)
{
	if (family == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO(local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(remote, sk, __sk_common.skc_v6_daddr);
		return;
	}
	address_put_v4(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	address_put_v4(remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
}

#endif
