/* SPDX-License-Identifier: MIT */
/* balance.wire.h - where the life of a thread went.
 *
 * A life is divided without a gap: running + waiting for a CPU + blocked = lifetime.
 */
#ifndef PROBE_BALANCE_WIRE_H
#define PROBE_BALANCE_WIRE_H

#include "probe/reason.wire.h"
#include "probe/unit.h"

#define BALANCE_REASONS (BLOCK_UNSEEN + 1)
#define BALANCE_CALLS   512 /* system calls by number; the last stands for none and for those above */

/* Time and events of one thread, or of many added up.  Only u64, so that they add up as an array. */
struct balance_times {
	unit_ns life;
	unit_ns running;
	unit_ns runq;         /* waiting for a CPU */
	unit_ns wake_latency; /* of that: woken, and the CPU has not noticed yet */
	unit_ns blocked[BALANCE_REASONS];
	unit_count waits[BALANCE_REASONS];
	unit_count voluntary, involuntary, migrations;
	/* Events of the kernel that did not come, by what was done about it. */
	unit_count missed_switch_in;  /* the time was split by the kernel's own counters */
	unit_count missed_switch_out; /* likewise; what it did not run is of unknown reason */
	unit_count missed_wake;       /* the wait counts as blocked to its end */
	unit_count late_wake;         /* its wake-up came first; the end is told by a later event */
	/* What the kernel counts by itself. */
	unit_ns kernel_cpu, kernel_delay;
	unit_count kernel_voluntary, kernel_involuntary;
	unit_count minor_faults, major_faults;
	unit_bytes read_chars, written_chars; /* by system calls, from wherever */
	unit_count reads, writes;
	unit_bytes disk_read, disk_written, disk_cancelled;
};

/* What was spent in one system call, all threads together. */
struct balance_call {
	unit_ns blocked;
	unit_count waits;
	unit_count ticks; /* that found a thread running in it */
};

#endif
