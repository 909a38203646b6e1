/* SPDX-License-Identifier: MIT */
#include "cmd/diff.h"
#include "cmd/history.h"

static const char *const about[] = {
	"Compares two results of 'kymo run --json', figure by figure: wall time, and each cause of it.  A "
	"difference counts only where chance would not show it (Mann-Whitney test, allowing for how "
	"many figures are looked at) and where it is at least 1 % and 1 ms.",
	"With one run on each side nothing can be told from chance; 'kymo run -r 10' makes ten.",
	"With --before and --after it compares two spans of time that 'kymo serve' recorded: in which functions the "
	"CPUs, or threads that waited, were longer or shorter than before, for each second that there are samples of.",
	NULL,
};

#define SPANS "Two spans of a store"

static const struct choice kinds[] = {
	{ "cpu", "where CPUs were" },
	{ "off-cpu", "where threads waited" },
	{ "wall", "both" },
	{ 0 },
};

static const struct option options[] = {
	{ .name = "before",
	  .kind = OPTION_TEXT,
	  .argument = "FROM..TO",
	  .help = "the span to compare with: -2h..-1h",
	  .group = SPANS },
	{ .name = "after",
	  .kind = OPTION_TEXT,
	  .argument = "FROM..TO",
	  .help = "the span in question: -1h..now",
	  .group = SPANS },
	{ .name = "kind",
	  .kind = OPTION_CHOICE,
	  .choices = kinds,
	  .argument = "KIND",
	  .otherwise = "cpu",
	  .help = "which time is compared",
	  .group = SPANS },
	{ .name = "json", .help = "as the REST API answers: a tree of both", .group = SPANS },
	HISTORY_WHOSE,
	HISTORY_SOURCE,
	{ 0 },
};

static const struct example examples[] = {
	{ "kymo diff before.json after.json", "what made the second one slower" },
	{ "kymo diff --before=-2h..-1h --after=-1h..now",
	  "what the CPUs do more than an hour ago" },
	{ 0 },
};

const struct verb verb_diff = {
	.name = "diff",
	.help = "compare two results of 'kymo run', or two spans of a store",
	.synopsis = "BEFORE.json AFTER.json | --before FROM..TO --after FROM..TO [OPTION...]",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_WORDS,
	.operands_max = 2,
	.run = diff_run,
};
