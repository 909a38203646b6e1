/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/lock/lock.object.h"

static const char *const columns[] = {
	"duration", "kind", "holder", "holder_comm", "address", NULL
};
static const char *const group[] = { "comm", "kind", NULL };

const struct collector collector_lock = {
	.name = "lock",
	.help = "waits for locks, of programs with who holds them, and of the kernel",
	.by_default = true,
	.object = &object_lock,
	.columns = columns,
	.group = group,
};
