/* SPDX-License-Identifier: Dual MIT/GPL */
/* histogram.bpf.h - counting a value; model/histogram.c reads what comes of it. */
#ifndef PROBE_HISTOGRAM_BPF_H
#define PROBE_HISTOGRAM_BPF_H

#include "probe/event.wire.h"

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

/* @histogram belongs to this CPU alone. */
static __always_inline void histogram_count(struct histogram *histogram, u64 value)
{
	u32 octave = histogram_log2(value), bucket = (u32)value;

	if (octave >= HISTOGRAM_BITS)
		bucket = ((octave - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS) +
			 ((u32)(value >> (octave - HISTOGRAM_BITS)) & ((1 << HISTOGRAM_BITS) - 1));
	if (bucket < HISTOGRAM_BUCKETS)
		histogram->buckets[bucket]++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

#endif
