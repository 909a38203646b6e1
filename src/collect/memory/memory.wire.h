/* SPDX-License-Identifier: MIT */
/* memory.wire.h - processes that grow, that read pages from a disk, and that the kernel kills for want of
 * memory.
 *
 * Resident memory is the kernel's own sum, which lacks what single CPUs have not added yet: at most 32
 * pages, or twice the number of CPUs if that is more, for each CPU and kind of page.
 */
#ifndef COLLECT_MEMORY_WIRE_H
#define COLLECT_MEMORY_WIRE_H

#include "probe/event.wire.h"

struct memory_oom {
	struct event event; /* of the process that has to end */
	id_pid trigger_pid HELP("process that wanted memory when there was none");
	char trigger_comm[EVENT_COMM] HELP("name of that thread");
	unit_bytes file HELP("resident pages of files");
	unit_bytes anonymous HELP("resident pages of no file");
	unit_bytes shared HELP("resident pages of shared memory");
	s32 score_adj HELP("oom_score_adj, from -1000 to 1000");
};

struct memory_growth {
	struct event event;
	unit_bytes growth HELP("since it was last told, or since it was least");
	unit_bytes rss HELP("resident now");
};

struct memory_processes_key {
	id_pid pid HELP("process");
	u32 pad;
	char comm[EVENT_COMM] HELP("name of its first thread");
};

struct memory_process {
	unit_bytes grown HELP("what resident memory became more, in steps of a megabyte");
	unit_bytes shrunk HELP("what it became less, likewise");
	unit_bytes max_rss HELP("the most resident memory at such a step so far");
	unit_count major_faults HELP("page faults that read a disk");
};

#endif
