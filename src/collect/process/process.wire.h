/* SPDX-License-Identifier: MIT */
/* process.wire.h - the life of processes.
 *
 * Each record stands alone: that of the end has the arguments, too, so nothing has to be joined, also
 * for a process that was there before anybody looked.
 */
#ifndef COLLECT_PROCESS_WIRE_H
#define COLLECT_PROCESS_WIRE_H

#include "probe/event.wire.h"

struct process_fork {
	struct event event; /* of the new process */
	id_pid ppid HELP("its parent");
};

struct process_exec {
	struct event event;
	id_pid ppid HELP("parent");
	bool is_script HELP("the file names the interpreter that runs it");
	bool argv_cut HELP("argv is longer than what is shown");
	unit_bytes argv_length HELP("of all arguments, closing NULs included");
	struct tail_text file HELP("what execve() was given");
	struct tail_words argv HELP("arguments");
	struct tail_path cwd HELP("working directory");
};

struct process_exit {
	struct event event;
	id_pid ppid HELP("parent");
	id_status exit_code HELP("status given to exit()");
	id_signal exit_signal HELP("that ended it; 0: none");
	bool core_dumped HELP("whether memory was written to a file");
	bool argv_cut HELP("argv is longer than what is shown");
	unit_ns duration HELP("since it was forked");
	unit_ns cpu HELP("on a CPU, all threads");
	unit_ns runq HELP("waiting for a CPU, all threads");
	unit_bytes max_rss HELP("memory at its peak");
	unit_count minor_faults HELP("page faults without a read");
	unit_count major_faults HELP("page faults that read a disk");
	unit_count voluntary_switches HELP("context switches because it waited");
	unit_count involuntary_switches HELP("context switches because others had to run");
	unit_bytes read HELP("read from disks");
	unit_bytes written HELP("dirtied, to be written to disks");
	unit_bytes read_calls HELP("through read() and the like");
	unit_bytes write_calls HELP("through write() and the like");
	unit_bytes argv_length HELP("of all arguments, closing NULs included");
	struct tail_words argv HELP("arguments");
};

/* One that was there when kymo began to look, or whose beginning may have been lost. */
struct process_alive {
	struct event event;
	id_pid ppid HELP("parent");
	unit_ns duration HELP("since it was forked");
	unit_ns cpu HELP("on a CPU, all threads");
};

/* With --syscalls. */
struct process_exec_failed {
	struct event event;
	id_pid ppid HELP("parent");
	id_errno errno HELP("why");
	bool argv_cut HELP("argv is longer than what is shown, or was not in memory");
	struct tail_text file HELP("what execve() was given");
	struct tail_path
		folder HELP("execveat(): what the file is relative to, or what is executed");
	struct tail_words argv HELP("arguments");
	struct tail_path cwd HELP("working directory");
};

#endif
