/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/disk/disk.object.h"

static const char *const columns[] = { "latency", "queue",  "service", "operation", "disk",
				       "bytes",   "sector", "errno",   NULL };
static const char *const group[] = { "comm", "disk", "operation", NULL };

const struct collector collector_disk = {
	.name = "disk",
	.help = "requests to disks: histograms of time in the queue and in the device, slow and failed ones",
	.by_default = true,
	.object = &object_disk,
	.columns = columns,
	.group = group,
};
