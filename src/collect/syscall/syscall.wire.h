/* SPDX-License-Identifier: MIT */
/* syscall.wire.h - system calls, counted as they return; one that never does is not: exit_group() */
#ifndef COLLECT_SYSCALL_WIRE_H
#define COLLECT_SYSCALL_WIRE_H

#include "probe/event.wire.h"

struct syscall_key {
	id_pid pid HELP("process");
	id_syscall syscall HELP("system call");
	bool is_compat HELP("of the 32-bit ABI, which has other numbers and names");
	u8 pad;
};

struct syscall_value {
	unit_count count HELP("calls that returned");
	unit_count errors HELP("of them, with an error");
	char comm[EVENT_COMM] HELP("name of the thread that called last");
	struct histogram latency HELP("how long they took");
};

struct syscall_row {
	struct syscall_key key;
	struct syscall_value value;
};

struct syscall_error_key {
	id_pid pid HELP("process");
	id_syscall syscall HELP("system call");
	bool is_compat HELP("of the 32-bit ABI, which has other numbers and names");
	u8 pad;
	id_errno errno HELP("why it failed");
};

struct syscall_error_value {
	unit_count count HELP("calls that failed so");
	char comm[EVENT_COMM] HELP("name of the thread that called last");
};

struct syscall_other_key {
	id_syscall syscall HELP("system call");
	u16 pad;
};

struct syscall_other_value {
	unit_count count HELP("calls that returned");
	unit_count errors HELP("of them, with an error");
};

#endif
