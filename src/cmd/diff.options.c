/* SPDX-License-Identifier: MIT */
#include "cmd/diff.h"

static const char *const about[] = {
	"Compares two results of 'kymo run --json', figure by figure: wall time, and each cause of it.  A "
	"difference counts only where chance would not show it (Mann-Whitney test, allowing for how "
	"many figures are looked at) and where it is at least 1 % and 1 ms.",
	"With one run on each side nothing can be told from chance; 'kymo run -r 10' makes ten.",
	NULL,
};

static const struct option options[] = { { 0 } };

static const struct example examples[] = {
	{ "kymo diff before.json after.json", "what made the second one slower" },
	{ 0 },
};

const struct verb verb_diff = {
	.name = "diff",
	.help = "compare two results of 'kymo run', cause by cause",
	.synopsis = "BEFORE.json AFTER.json",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_WORDS,
	.operands_max = 2,
	.run = diff_run,
};
