/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/process/process-standing.object.h"
#include "collect/process/process-syscalls.object.h"
#include "collect/process/process.object.h"

static const char *const columns[] = { "ppid",        "uid",     "duration",
				       "cpu",         "max_rss", "exit_code",
				       "exit_signal", "errno",   "exec-failed.file",
				       "argv",        NULL };
static const char *const group[] = { "comm", NULL };

const struct collector collector_process = {
	.name = "process",
	.help = "processes: fork, exec with all arguments, exit with all that was used",
	.by_default = true,
	.object = &object_process,
	.standing = &object_process_standing,
	.syscalls = &object_process_syscalls,
	.syscalls_help = "failed execs",
	.columns = columns,
	.group = group,
	.ring_bytes = 1 << 20,
};
