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

/* With 1 << @bits buckets for each power of 2. */
static __always_inline u32 histogram_index_fine(u64 value, u32 bits)
{
	u32 octave = histogram_log2(value);

	if (octave < bits)
		return (u32)value;
	return ((octave - bits + 1) << bits) +
	       ((u32)(value >> (octave - bits)) & ((1 << bits) - 1));
}

static __always_inline u32 histogram_index(u64 value)
{
	return histogram_index_fine(value, HISTOGRAM_BITS);
}

/* Keeps what is compared and what is used one register: the verifier of 6.1 does not know a copy that was
 * made before the comparison.
 */
#define histogram_hold(bucket) asm volatile("" : "+r"(bucket))

/* @histogram belongs to this CPU alone. */
static __always_inline void histogram_count(struct histogram *histogram, u64 value)
{
	u64 bucket = histogram_index(value);

	histogram_hold(bucket);
	if (bucket < HISTOGRAM_BUCKETS)
		histogram->buckets[bucket]++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

/* A greatest value that all CPUs share. */
static __always_inline void histogram_raise(u64 *shared, u64 value)
{
	u64 max = *shared;

	for (int i = 0; i < HISTOGRAM_TRIES && value > max; i++)
		max = __sync_val_compare_and_swap(shared, max, value);
}

/* @histogram is shared by all CPUs. */
static __always_inline void histogram_count_shared(struct histogram *histogram, u64 value)
{
	u64 bucket = histogram_index(value);

	histogram_hold(bucket);
	if (bucket < HISTOGRAM_BUCKETS)
		__sync_fetch_and_add(&histogram->buckets[bucket], 1);
	__sync_fetch_and_add(&histogram->sum, value);
	histogram_raise(&histogram->max, value);
}

#endif
