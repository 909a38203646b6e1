/* SPDX-License-Identifier: Dual MIT/GPL */
/* row.bpf.h - the row of a TABLE that something is counted in. */
#ifndef PROBE_ROW_BPF_H
#define PROBE_ROW_BPF_H

#include "probe/event.bpf.h"

#define ROW_BYTES 8192 /* of a value at most */

u8 row_zeros[ROW_BYTES] = {}; /* a value is too large for the stack */

/**
 * row_get - the value of *@row_key in @table, a new one of zeros where there is none
 *
 * NULL where the table is full: what should have been counted is counted as lost.
 */
#define row_get(table, row_key)                                                       \
	({                                                                            \
		typeof((table)->value) value_ = bpf_map_lookup_elem(table, row_key);  \
		_Static_assert(sizeof(*value_) <= ROW_BYTES, "a value is too large"); \
		if (!value_) {                                                        \
			bpf_map_update_elem(table, row_key, &row_zeros, BPF_NOEXIST); \
			value_ = bpf_map_lookup_elem(table, row_key);                 \
		}                                                                     \
		if (!value_)                                                          \
			event_lost(bpf_core_type_id_local(typeof(*(table)->key)));    \
		value_;                                                               \
	})

#endif
