/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/memory/memory.object.h"

static const char *const columns[] = { "growth",      "rss",          "anonymous", "file",
				       "trigger_pid", "trigger_comm", NULL };
static const char *const group[] = { "comm", NULL };

const struct collector collector_memory = {
	.name = "memory",
	.help = "memory: processes that grow, page faults that read a disk, kills for want of memory",
	.by_default = true,
	.object = &object_memory,
	.columns = columns,
	.group = group,
};
