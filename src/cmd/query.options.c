/* SPDX-License-Identifier: MIT */
#include "cmd/query.h"

static const char *const about[] = {
	"Shows what 'kymo serve' recorded: records, processes, connections, profiles, functions, by time and "
	"condition.  Reads the store's file where it may, whether a daemon writes it or not; else asks the daemon.",
	"WHAT is what the REST API calls it: records, processes, connections, a collector, kinds of records "
	"(process.exec,tcp.close), profiles, functions; timeseries, heatmap and any path that begins with a slash "
	"come as JSON.  NAME=VALUE is a condition on a column, as are NAME!=VALUE, min_NAME=VALUE and "
	"max_NAME=VALUE; times may be written 10ms and sizes 4K.",
	"The newest rows come first.  What was lost in the span of time is said on standard error.",
	NULL,
};

#define OUTPUT "Output"

static const struct choice formats[] = {
	{ "tree", "a call tree" },
	{ "folded", "one line a stack" },
	{ "svg", "an interactive flame graph" },
	{ "pprof", "gzip-compressed profile.proto" },
	{ "speedscope", "for speedscope.app" },
	{ "firefox", "for profiler.firefox.com" },
	{ 0 },
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
	{ .name = "format",
	  .letter = 'f',
	  .kind = OPTION_CHOICE,
	  .choices = formats,
	  .argument = "FORMAT",
	  .otherwise = "by the name of the file, else tree",
	  .help = "how a profile is written",
	  .group = OUTPUT,
	  .excludes = "format" },
	{ .name = "json",
	  .help = "rows as one JSON object a line, a profile as the tree of the REST API",
	  .excludes = "format",
	  .group = OUTPUT },
	{ .name = "csv",
	  .help = "rows as comma-separated values, with one header",
	  .excludes = "format",
	  .group = OUTPUT },
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_TEXT,
	  .value = VALUE_FILE,
	  .argument = "FILE",
	  .otherwise = "standard output",
	  .help = "where to write; an old file is replaced at the end",
	  .group = OUTPUT },
	{ .name = "quiet", .letter = 'q', .help = "no summary on standard error", .group = OUTPUT },
	{ 0 },
};

static const struct example examples[] = {
	{ "kymo query processes --start=-1h comm=cc1",
	  "compilers that ran in the last hour, with what each used" },
	{ "kymo query disk min_duration_ns=50ms", "slow requests to disks, the newest first" },
	{ "kymo query profiles --start=-2h --end=-1h -o then.svg",
	  "what the CPUs did an hour ago, as a flame graph" },
	{ "kymo query functions --pid 1234", "in which functions a process was in the last hour" },
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
