/* SPDX-License-Identifier: MIT */
#include "cmd/query.h"

static const char *const about[] = {
	"Shows what 'kymo serve' recorded: records, processes, connections, profiles, functions, by time and "
	"condition.  Reads the store's file where it may, whether a daemon writes it or not; else asks the daemon.",
	"WHAT is what the REST API calls it: records, processes, connections, incidents, a collector, kinds of records "
	"(process.exec,tcp.close), profiles, functions; timeseries, heatmap and any path that begins with a slash "
	"come as JSON.  NAME=VALUE is a condition on a column, as are NAME!=VALUE, min_NAME=VALUE and "
	"max_NAME=VALUE; times may be written 10ms and sizes 4K.  /api/v1/events comes as it happens until Ctrl-C, or "
	"--limit events are there; --json leaves their data alone, one a line.",
	"A daemon at another address is asked by https://.  It shows a certificate that --ca has, or this host trusts; "
	"--cert and --key show ours, --token-file or the variable KYMO_TOKEN a token, which goes nowhere else in the "
	"clear than to this host.",
	"The newest rows come first.  What was lost in the span of time is said on standard error.",
	NULL,
};

static const struct option options[] = {
	HISTORY_SPAN,
	HISTORY_WHOSE,
	{ .name = "limit",
	  .letter = 'n',
	  .kind = OPTION_NUMBER,
	  .max = UINT64_MAX,
	  .argument = "N",
	  .fallback = "100",
	  .help = "rows at most; 0: all",
	  .group = HISTORY_WHICH },
	HISTORY_SOURCE,
	HISTORY_OUTPUT("by the name of the file, else tree",
		       "rows as one JSON object a line, a profile as the tree of the REST API"),
	{ 0 },
};

static const struct example examples[] = {
	{ "kymo query processes --start=-1h comm=cc1",
	  "compilers that ran in the last hour, with what each used" },
	{ "kymo query disk min_duration_ns=50ms", "slow requests to disks, the newest first" },
	{ "kymo query profiles --start=-2h --end=-1h -o then.svg",
	  "what the CPUs did an hour ago, as a flame graph" },
	{ "kymo query profiles incident=4711 -o then.svg",
	  "the profile of an incident, whose seq 'kymo query incidents' shows" },
	{ "kymo query functions --pid 1234", "in which functions a process was in the last hour" },
	{ "kymo query /api/v1/events type=process --json", "processes as they begin and end" },
	{ "kymo query processes --connect https://db1:8443 --ca ca.pem --token-file token",
	  "those of another host" },
	{ 0 },
};

const struct verb verb_query = {
	.name = "query",
	.help = "show what 'kymo serve' recorded, by time and condition",
	.synopsis = "[OPTION...] WHAT [NAME=VALUE...]",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_WORDS,
	.operands_max = 1 + HISTORY_WORDS,
	.run = query_run,
};
