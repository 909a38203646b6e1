/* SPDX-License-Identifier: MIT */
/* file.wire.h - files as they are opened: by open(), creat(), openat() and openat2(). */
#ifndef COLLECT_FILE_WIRE_H
#define COLLECT_FILE_WIRE_H

#include "probe/event.wire.h"

#define FILE_KEY_BYTES 112 /* of a path in a table, with its closing NUL */

enum file_access {
	FILE_ACCESS_READ,
	FILE_ACCESS_WRITE,
	FILE_ACCESS_READ_WRITE,
	FILE_ACCESS_PATH
};

struct file_open {
	struct event event;
	unit_ns duration HELP("from the call to its return");
	id_errno errno HELP("why it failed; 0: it did not");
	u32 fd HELP("descriptor");
	enum file_access access HELP("path: neither read nor written (O_PATH)");
	u32 flags HELP("as they were given, O_CLOEXEC and the like included");
	u32 mode HELP("of a file that is to be made");
	bool creates HELP("if it is not there (O_CREAT)");
	bool truncates HELP("if it is there (O_TRUNC)");
	bool appends HELP("to its end (O_APPEND)");
	bool is_slow HELP("as long as the knob says, or longer");
	struct tail_text path HELP("as it was given");
	struct tail_path folder HELP("that the path is relative to");
};

struct file_key {
	id_pid pid HELP("process");
	id_errno errno HELP("why they failed");
	char path[FILE_KEY_BYTES] HELP("as it was given, cut");
};

struct file_other_key {
	id_pid pid HELP("process");
	id_errno errno HELP("why they failed");
};

struct file_errors {
	unit_count count HELP("opens that failed");
	char comm[EVENT_COMM] HELP("name of the thread that failed last");
};

struct file_process {
	id_pid pid HELP("process");
};

struct file_opens {
	unit_count count HELP("opens");
	unit_count errors HELP("of them, that failed");
	char comm[EVENT_COMM] HELP("name of the thread that opened last");
	struct histogram latency HELP("how long they took");
};

#endif
