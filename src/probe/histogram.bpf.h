/* SPDX-License-Identifier: Dual MIT/GPL */
/* histogram.bpf.h - counting a value; model/histogram.c reads what comes of it. */
#ifndef PROBE_HISTOGRAM_BPF_H
#define PROBE_HISTOGRAM_BPF_H

#include "probe/event.wire.h"

#define HISTOGRAM_TRIES 16 /* to set a new maximum while others do the same */

static __always_inline u32 histogram_log2(u64 value)
{
	u32 log = 0;

	for (int shift = 32; shift; shift /= 2)
		if (value >> shift) {
			value >>= shift;
			log += shift;
		}
	return log;
}

static __always_inline u32 histogram_index(u64 value)
{
	u32 octave = histogram_log2(value);

	if (octave < HISTOGRAM_BITS)
		return (u32)value;
	return ((octave - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS) +
	       ((u32)(value >> (octave - HISTOGRAM_BITS)) & ((1 << HISTOGRAM_BITS) - 1));
}

/* @histogram belongs to this CPU alone. */
static __always_inline void histogram_count(struct histogram *histogram, u64 value)
{
	u32 bucket = histogram_index(value);

	if (bucket < HISTOGRAM_BUCKETS)
		histogram->buckets[bucket]++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

/* @histogram is shared by all CPUs. */
static __always_inline void histogram_count_shared(struct histogram *histogram, u64 value)
{
	u32 bucket = histogram_index(value);
	u64 max = histogram->max;

	if (bucket < HISTOGRAM_BUCKETS)
		__sync_fetch_and_add(&histogram->buckets[bucket], 1);
	__sync_fetch_and_add(&histogram->sum, value);
	for (int i = 0; i < HISTOGRAM_TRIES && value > max; i++)
		max = __sync_val_compare_and_swap(&histogram->max, max, value);
}

#endif
