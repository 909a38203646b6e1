/* SPDX-License-Identifier: MIT */
/* runq.wire.h - how long threads that could run waited for a CPU.
 *
 * A wait begins when a thread is woken, is born, or has to leave the CPU to another one, and ends when
 * it runs.
 */
#ifndef COLLECT_RUNQ_WIRE_H
#define COLLECT_RUNQ_WIRE_H

#include "probe/event.wire.h"

struct runq_wait {
	struct event event; /* of the thread that waited; at its end */
	unit_ns wait HELP("from when it could run until it ran");
	id_cpu cpu HELP("where it runs now");
	bool is_preempted HELP("it had to leave the CPU; else it was woken");
	id_pid before_pid HELP("process that had the CPU before it; 0: none");
	char before_comm[EVENT_COMM] HELP("name of the thread that had it");
};

struct runq_cpus_key {
	id_cpu cpu HELP("where the thread ran then");
	u32 pad;
};

struct runq_waits {
	struct histogram wait HELP("from when a thread could run until it ran");
	unit_count unseen HELP("waits that the kernel did not show one by one");
	unit_ns unseen_total HELP("how long those were together");
};

struct runq_processes_key {
	id_pid pid HELP("process");
	u32 pad;
};

struct runq_process {
	unit_count waits HELP("how often its threads waited");
	unit_ns total HELP("how long, all threads together");
	unit_ns max_wait HELP("the longest one since it was told last");
	char comm[EVENT_COMM] HELP("name of its first thread");
};

struct runq_process_row {
	struct runq_processes_key key;
	struct runq_process value;
};

#endif
