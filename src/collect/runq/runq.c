/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/runq/runq.object.h"

static const char *const columns[] = { "wait",       "cpu",         "is_preempted",
				       "before_pid", "before_comm", NULL };
static const char *const group[] = { "comm", NULL };

const struct collector collector_runq = {
	.name = "runq",
	.help = "waits for a CPU: histograms, sums by process, the longest ones",
	.by_default = true,
	.object = &object_runq,
	.columns = columns,
	.group = group,
};
