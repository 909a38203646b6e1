/* SPDX-License-Identifier: MIT */
#include "model/histogram.h"

uint32_t histogram_bucket(uint64_t value)
{
	return buckets_index(HISTOGRAM_BITS, value);
}

uint64_t histogram_low(uint32_t bucket)
{
	return buckets_low(HISTOGRAM_BITS, bucket);
}

uint64_t histogram_high(uint32_t bucket)
{
	return bucket + 1 < HISTOGRAM_BUCKETS ? histogram_low(bucket + 1) - 1 : UINT64_MAX;
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += histogram->buckets[i];
	return count;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t count = histogram_count(histogram), seen = 0, high;
	double wanted = share * (double)count;

	for (uint32_t i = 0; count && i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (!histogram->buckets[i] || (double)seen < wanted)
			continue;
		high = histogram_high(i);
		return histogram->max && high > histogram->max ? histogram->max : high;
	}
	return 0;
}

void histogram_add(struct histogram *histogram, const struct histogram *more)
{
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->buckets[i] += more->buckets[i];
	histogram->sum += more->sum;
	if (more->max > histogram->max)
		histogram->max = more->max;
}
