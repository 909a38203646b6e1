/* SPDX-License-Identifier: Dual MIT/GPL */
/* members.bpf.h - which tasks belong to the tree.  The programs of the tiers get these two maps from the
 * balance, which fills them.
 */
#ifndef COLLECT_BALANCE_MEMBERS_BPF_H
#define COLLECT_BALANCE_MEMBERS_BPF_H

#include "collect/balance/balance.wire.h"
#include "probe/histogram.bpf.h"
#include "probe/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, BALANCE_THREADS_MAX);
	__type(key, u64);
	__type(value, struct balance_cell);
} cells SEC(".maps");

/* How many members a process of this number has, modulo the size. */
struct members {
	u32 count[BALANCE_FILTER];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, 1024); /* BPF_F_MMAPABLE */
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct members);
} members SEC(".maps");

static __always_inline bool may_be_member(u32 kernel_tgid)
{
	u32 zero = 0;
	struct members *all = bpf_map_lookup_elem(&members, &zero);

	return all && all->count[kernel_tgid & (BALANCE_FILTER - 1)];
}

/* NULL: it is no member. */
static __always_inline struct balance_cell *find_cell(struct task_struct *task, u32 kernel_tgid)
{
	struct balance_cell *cell;
	u64 key = (u64)task;

	if (!may_be_member(kernel_tgid))
		return NULL;
	cell = bpf_map_lookup_elem(&cells, &key);
	return cell && cell->kernel_tgid == kernel_tgid ? cell : NULL;
}

/* The slot of a time in a histogram of BALANCE_LOG2 powers of 2. */
static __always_inline u32 time_slot(u64 took_ns)
{
	u32 slot = histogram_log2(took_ns);

	return (slot < BALANCE_LOG2 ? slot : BALANCE_LOG2 - 1) & (BALANCE_LOG2 - 1);
}

#endif
