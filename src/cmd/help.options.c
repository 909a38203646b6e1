/* SPDX-License-Identifier: MIT */
#include "cmd/help.h"

static const char *const about[] = {
	"Shows what kymo can do, or the options of one verb.  The same as 'kymo VERB --help'.",
	NULL,
};

static const struct option options[] = { { 0 } };

static const struct example examples[] = {
	{ "kymo help profile", "the options of 'kymo profile'" },
	{ 0 },
};

const struct verb verb_help = {
	.name = "help",
	.help = "show the options of a verb",
	.synopsis = "[VERB]",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_WORDS,
	.operands_max = 1,
	.run = help_run,
};
