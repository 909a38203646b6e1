/* SPDX-License-Identifier: MIT */
#include "cmd/watch.h"

#include "cmd/rows.h"

#define ROOM_MAX (1u << 24)

static const char *const about[] = {
	"Shows what happens on the host as it happens: processes, connections, operations of disks.  "
	"Without NAME: lists what can be watched, with its fields and units; 'all' stands for every "
	"collector that hooks no system call.",
	"Counts and histograms of the table are those since the beginning; on a terminal they stand below "
	"the events and are drawn anew at every interval.  In JSON and CSV counts, sums and buckets are "
	"those of the interval, and what is called max the greatest so far.",
	"What could not be recorded is counted, and said with its kind and its span of time.  PIDs are "
	"those of the initial PID namespace.",
	NULL,
};

#define WHAT   "What to watch"
#define HOW    "How to watch"
#define OUTPUT "Output"

static const struct option options[] = {
	{ ROW_PIDS, .help = "only these processes, at most 16", .group = WHAT },
	{ .name = "comm",
	  .kind = OPTION_TEXT,
	  .argument = "NAME",
	  .help = "only threads of this name (its first 15 bytes)",
	  .group = WHAT },
	{ .name = "uid",
	  .letter = 'u',
	  .kind = OPTION_NUMBER,
	  .max = UINT32_MAX - 1,
	  .argument = "UID",
	  .otherwise = "all users",
	  .help = "only what this user does",
	  .group = WHAT },
	{ ROW_CGROUP, .help = "a control group and those below it: a path under /sys/fs/cgroup",
	  .group = WHAT },
	{ ROW_PORT, .help = "only what has this port at either end", .group = WHAT },
	{ .name = "address",
	  .kind = OPTION_TEXT,
	  .argument = "ADDRESS",
	  .help = "only what has this address at either end",
	  .group = WHAT },
	{ .name = "errno",
	  .kind = OPTION_TEXT,
	  .argument = "ERRNO",
	  .help = "only what failed so: ENOENT, or a number",
	  .group = WHAT },
	{ .name = "min-duration",
	  .kind = OPTION_DURATION,
	  .max = UINT64_MAX,
	  .argument = "TIME",
	  .help = "only what took as long or longer",
	  .group = WHAT },
	{ .name = "syscalls",
	  .help = "also what needs hooks on system calls, which slow every call of every process down",
	  .group = HOW },
	{ .name = "standing",
	  .kind = OPTION_SWITCH,
	  .fallback = "off",
	  .help = "first show what is there already",
	  .group = HOW },
	{ .name = "set",
	  .kind = OPTION_TEXT,
	  .argument = "COLLECTOR.KNOB=VALUE",
	  .help = "set a value of a collector; 'kymo watch' lists them",
	  .group = HOW },
	{ .name = "room",
	  .kind = OPTION_NUMBER,
	  .min = 1,
	  .max = ROOM_MAX,
	  .argument = "N",
	  .otherwise = "what each collector has",
	  .help = "room for N entries in each table in the kernel but those of fixed size; what finds none is counted as lost",
	  .group = HOW },
	{ ROW_DURATION, .otherwise = "until Ctrl-C", .help = "how long to watch", .group = HOW },
	{ ROW_COUNT, .help = "end after so many records", .group = HOW },
	{ ROW_INTERVAL, .help = "how often counts and histograms are shown", .group = HOW },
	{ .name = "json",
	  .help = "one JSON object a line, instead of a table",
	  .excludes = "format",
	  .group = OUTPUT },
	{ .name = "csv",
	  .help = "comma-separated values, with one header",
	  .excludes = "format",
	  .group = OUTPUT },
	{ .name = "summary",
	  .help = "events added up instead of one by one: who did how much",
	  .excludes = "format",
	  .group = OUTPUT },
	{ ROW_OUTPUT, .otherwise = "standard output",
	  .help = "where to write; an old file is replaced at the end", .group = OUTPUT },
	{ .name = "quiet", .letter = 'q', .help = "no summary on standard error", .group = OUTPUT },
	{ 0 },
};

static const struct example examples[] = {
	{ "kymo watch", "what can be watched, with fields and units" },
	{ "sudo kymo watch process", "processes as they begin and end" },
	{ "sudo kymo watch all --json -d 60 -o host.jsonl", "a minute of everything, as JSON" },
	{ 0 },
};

const struct verb verb_watch = {
	.name = "watch",
	.help = "show processes, connections and more as they come and go",
	.synopsis = "[OPTION...] [NAME...]",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_WORDS,
	.operands_max = 32,
	.run = watch_verb_run,
};
