/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/dns/dns.object.h"

static const char *const columns[] = { "name",    "type",    "rcode",       "latency", "waited",
				       "answers", "address", "server_addr", NULL };
static const char *const group[] = { "comm", "name", NULL };

const struct collector collector_dns = {
	.name = "dns",
	.help = "questions to name servers over UDP, their answers, and what was never answered",
	.by_default = false,
	.cost = "0.1 us of CPU time for each packet that comes or goes at any device",
	.object = &object_dns,
	.columns = columns,
	.group = group,
	.ring_bytes = 512 << 10,
};
