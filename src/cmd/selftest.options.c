/* SPDX-License-Identifier: MIT */
#include "cmd/selftest.h"

static const char *const about[] = {
	"Makes a storm of known things on this host, processes, connections over loopback, writes past "
	"the page cache, signals, page faults that read a disk, watches it, and says of each kind how many were seen, how many were "
	"lost and counted, and how long it took until they were read.",
	"The exit status is 0 when all that happened was seen or counted as lost, and nothing was seen "
	"that did not happen; else 1.",
	NULL,
};

static const struct option options[] = {
	{ .name = "count",
	  .letter = 'n',
	  .kind = OPTION_NUMBER,
	  .min = 1,
	  .max = 4096,
	  .argument = "N",
	  .fallback = "300",
	  .help = "how many of each kind",
	  .group = "What to do" },
	{ .name = "json", .help = "one JSON object instead of a table", .group = "Output" },
	{ 0 },
};

static const struct example examples[] = {
	{ "sudo kymo selftest", "whether the collectors see all that happens here" },
	{ 0 },
};

const struct verb verb_selftest = {
	.name = "selftest",
	.help = "make known things happen and see whether they are seen",
	.synopsis = "[OPTION...]",
	.about = about,
	.options = options,
	.examples = examples,
	.run = selftest_verb_run,
};
