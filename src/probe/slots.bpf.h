/* SPDX-License-Identifier: Dual MIT/GPL */
/* slots.bpf.h - finding a row in a mapped table; see slots.wire.h. */
#ifndef PROBE_SLOTS_BPF_H
#define PROBE_SLOTS_BPF_H

#include "probe/kernel.h"
#include "probe/slots.wire.h"

#include <bpf/bpf_helpers.h>

#define SLOTS_SPREAD 0x9e3779b97f4a7c15ull /* 2^64 by the golden ratio: spreads neighbours */

/* A map of 2^@log2 sets; rows are of type struct ROW. */
#define slots_define(name, row, log2)                            \
	struct {                                                 \
		__uint(type, BPF_MAP_TYPE_ARRAY);                \
		__uint(map_flags, 1 << 10); /* BPF_F_MMAPABLE */ \
		__uint(max_entries, SLOTS_WAYS << (log2));       \
		__type(key, u32);                                \
		__type(value, struct row);                       \
	} name SEC(".maps")

static __always_inline u32 slots_first(u64 key, u32 log2)
{
	return (u32)(key * SLOTS_SPREAD >> (64 - log2)) * SLOTS_WAYS;
}

/* The row of a key that is there; NULL: there is none. */
static __always_inline void *slots_find(void *map, u32 log2, u64 key)
{
	u32 first = slots_first(key, log2);

	for (u32 i = 0; i < SLOTS_WAYS; i++) {
		u32 at = first + i;
		u64 *row = bpf_map_lookup_elem(map, &at);

		if (row && *row == key)
			return row;
	}
	return NULL;
}

/* A row for a key that was not found; NULL: the set is full. */
static __always_inline void *slots_claim(void *map, u32 log2, u64 key)
{
	u32 first = slots_first(key, log2);

	for (u32 i = 0; i < SLOTS_WAYS; i++) {
		u32 at = first + i;
		u64 *row = bpf_map_lookup_elem(map, &at), was;

		if (!row)
			return NULL;
		was = __sync_val_compare_and_swap(row, 0, key);
		if (!was || was == key)
			return row;
	}
	return NULL;
}

/* The row of a key, a new one where there is none; NULL: the set is full. */
static __always_inline void *slots_get(void *map, u32 log2, u64 key)
{
	void *row = slots_find(map, log2, key);

	return row ?: slots_claim(map, log2, key);
}

#endif
