/* SPDX-License-Identifier: Dual MIT/GPL */
/* address.bpf.h - IPv4 in struct net_address. */
#ifndef PROBE_ADDRESS_BPF_H
#define PROBE_ADDRESS_BPF_H

#include "probe/event.wire.h"

#include <bpf/bpf_endian.h>

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

#endif
