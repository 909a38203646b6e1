/* SPDX-License-Identifier: MIT */
/* counters.h - what the kernel counts of a thread by itself, as /proc tells it. */
#ifndef COLLECT_TRACE_COUNTERS_H
#define COLLECT_TRACE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/balance.wire.h"

/** proc_read - a whole file below /proc/PID, closed by NUL, to be freed; NULL: it cannot be had */
char *proc_read(pid_t pid, const char *name, size_t *ret_len);

/** proc_read_task - likewise of one thread */
char *proc_read_task(pid_t tid, const char *name);

/** proc_field - the number behind "NAME:" at the beginning of a line; 0: there is none */
uint64_t proc_field(const char *text, const char *name);

/**
 * counters_read - CPU time, waits for a CPU, switches, faults and bytes of one thread so far
 *
 * Of one that runs, its current time slice is not in them.  A thread that has ended and was not waited for
 * has them still.
 */
void counters_read(pid_t tid, struct balance_times *times);

/** counters_divide - a life by these counters; what is neither running nor waiting is of unknown reason */
void counters_divide(struct balance_times *times);

#endif
