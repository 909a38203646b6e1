/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/syscall/syscall.object.h"

static const char *const columns[] = { NULL };
static const char *const group[] = { NULL };

const struct collector collector_syscall = {
	.name = "syscall",
	.help = "system calls of each process: how many, with which errors, how long",
	.cost = "every system call of every process takes 0.4 us longer, 0.2 us without latency",
	.object = &object_syscall,
	.columns = columns,
	.group = group,
};
