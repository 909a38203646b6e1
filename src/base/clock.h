/* SPDX-License-Identifier: MIT */
/* clock.h - the two clocks kymo speaks: monotonic (samples, durations) and Unix (what is shown). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* The clock of bpf_ktime_get_ns() and of our perf records. */
static inline uint64_t clock_mono_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_unix_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

/* What to add to a monotonic instant to get a Unix one, now; it moves when the clock is set. */
static inline uint64_t clock_unix_offset_ns(void)
{
	uint64_t before = clock_mono_ns(), unix_ns = clock_unix_ns(), after = clock_mono_ns();

	return unix_ns - (before + (after - before) / 2);
}

#endif
