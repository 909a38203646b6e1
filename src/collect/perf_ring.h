/* SPDX-License-Identifier: MIT */
/* perf_ring.h - perf events with their ring buffers, one per CPU, and the records in them.
 *
 * Records are written by the kernel and read here; a record that wraps around the end of the ring
 * is put together in a bounce buffer.  Every length is checked against the ring before use.
 * Not thread-safe.
 */
#ifndef COLLECT_PERF_RING_H
#define COLLECT_PERF_RING_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/vec.h"

struct perf_ring {
	int fd;
	uint32_t cpu;
	void *mapping; /* one page of control, then `data_bytes` of records */
	size_t data_bytes;
};

/** perf_open - perf_event_open(2) with close-on-exec and `size` filled in; fd or -errno */
nodiscard int perf_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group,
			unsigned long flags);

/**
 * perf_ring_map - give an event a ring
 * @data_bytes: a power of two of pages
 *
 * Takes @fd in every case.  Return: 0; -EPERM when kernel.perf_event_mlock_kb is used up; -errno.
 */
nodiscard int perf_ring_map(struct perf_ring *ring, int fd, uint32_t cpu, size_t data_bytes);

/**
 * perf_ring_drain - hand every record to a function, oldest first
 * @each: returns 0, or -errno to stop; the record is valid only during the call and lies in
 *        `bytes` bytes of memory, header included
 */
nodiscard int perf_ring_drain(struct perf_ring *ring,
			      int (*each)(void *context, const struct perf_ring *ring,
					  const struct perf_event_header *record),
			      void *context);
void perf_ring_close(struct perf_ring *ring);

/** perf_cpus - numbers of the CPUs that are online; free with vec_done() */
struct cpu_list {
	vec(uint32_t) ids;
};
nodiscard int perf_cpus(struct cpu_list *ret_cpus);

/* Reads fields of a record one after the other; past its end everything reads as 0 and `short_`
 * is set.
 */
struct perf_cursor {
	const unsigned char *at, *end;
	bool is_short;
};

struct perf_cursor perf_cursor(const struct perf_event_header *record);
uint32_t perf_u32(struct perf_cursor *cursor);
uint64_t perf_u64(struct perf_cursor *cursor);

/* The text at the cursor, closed by NUL inside the record; "" if it is not. */
const char *perf_text(struct perf_cursor *cursor);

#endif
