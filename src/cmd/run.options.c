/* SPDX-License-Identifier: MIT */
#include "cmd/run.h"

#define PID_MAX (1u << 22) /* PID_MAX_LIMIT of the kernel */

static const char *const about[] = {
	"Runs a command and says what it cost: for every process and thread of its tree, how long it ran, "
	"waited for a CPU, and was blocked by what, with nothing left over; peak memory and who held it; "
	"bytes by network peer; block devices; which system calls the time went to.",
	"The command keeps its input, output, terminal and signals, and its exit status is kymo's.  The "
	"report goes to standard error when it has ended.  With -p, the same of processes that run "
	"already.",
	"What other processes do for the command on request (systemd, containerd, D-Bus) is not in its "
	"tree.",
	NULL,
};

#define WHAT   "What to observe"
#define OUTPUT "Output"

static const struct option options[] = {
	{ .name = "pid",
	  .letter = 'p',
	  .kind = OPTION_NUMBERS,
	  .value = VALUE_PROCESS,
	  .min = 1,
	  .max = PID_MAX,
	  .argument = "PID[,PID...]",
	  .help = "these processes with all that they have made, until Ctrl-C, -d, or their end",
	  .excludes = "target",
	  .group = WHAT },
	{ .name = "duration",
	  .letter = 'd',
	  .kind = OPTION_DURATION,
	  .min = 1000000,
	  .max = UINT64_MAX,
	  .argument = "SECONDS",
	  .otherwise = "until the command or all of -p has ended",
	  .help = "how long to observe; a command goes on",
	  .group = WHAT },
	{ .name = "wait-all",
	  .help = "until the last process of the tree has ended, not only the command",
	  .group = WHAT },
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_TEXT,
	  .value = VALUE_FILE,
	  .argument = "FILE",
	  .otherwise = "standard error",
	  .help = "where to write the report; -: standard output",
	  .group = OUTPUT },
	{ .name = "json",
	  .kind = OPTION_TEXT,
	  .value = VALUE_FILE,
	  .argument = "FILE",
	  .bare = "",
	  .help = "everything as one JSON object, instead of the report or into a file beside it",
	  .group = OUTPUT },
	{ .name = "quiet", .letter = 'q', .help = "no report", .group = OUTPUT },
	{ 0 },
};

static const struct example examples[] = {
	{ "sudo kymo run -- make -j4", "where the time of a build went" },
	{ "kymo run --json=build.json -- make", "the same, and everything for other programs" },
	{ "kymo run -p 1234 -d 10", "a process that runs already, for ten seconds" },
	{ 0 },
};

const struct verb verb_run = {
	.name = "run",
	.help = "run a command and say where every nanosecond went",
	.synopsis = "[OPTION...] -- COMMAND [ARG...]",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_COMMAND,
	.operands_exclude = "target",
	.run = run_run,
};
