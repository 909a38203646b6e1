/* SPDX-License-Identifier: MIT */
/* histogram.h - what is in a struct histogram (probe/event.wire.h), read from the bytes of a record. */
#ifndef MODEL_HISTOGRAM_H
#define MODEL_HISTOGRAM_H

#include "probe/event.wire.h"

/* Of one with 1 << @bits buckets for each power of 2. */
static inline uint32_t buckets_index(unsigned bits, uint64_t value)
{
	uint32_t octave;

	if (value < 1u << bits)
		return (uint32_t)value;
	octave = 63 - (uint32_t)__builtin_clzll(value);
	return ((octave - bits + 1) << bits) +
	       (uint32_t)(value >> (octave - bits) & ((1u << bits) - 1));
}

/* The smallest value of a bucket. */
static inline uint64_t buckets_low(unsigned bits, uint32_t bucket)
{
	uint32_t octave = bucket >> bits, part = bucket & ((1u << bits) - 1);

	return octave ? (uint64_t)((1u << bits) + part) << (octave - 1) : part;
}

/** histogram_low - the smallest value that falls into a bucket */
uint64_t histogram_low(uint32_t bucket);

/** histogram_high - the greatest */
uint64_t histogram_high(uint32_t bucket);

/** histogram_bucket - where a value falls */
uint32_t histogram_bucket(uint64_t value);

uint64_t histogram_count(const struct histogram *histogram);

/**
 * histogram_quantile - upper bound of the bucket in which a share of all values ends
 * @share: 0 to 1
 *
 * Never above `max`.  Return: 0 of an empty one.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

/** histogram_add - the values of another one */
void histogram_add(struct histogram *histogram, const struct histogram *more);

#endif
