/* SPDX-License-Identifier: MIT */
#include "cmd/export.h"
#include "cmd/history.h"

static const char *const about[] = {
	"Writes what 'kymo serve' recorded for other programs: every record of a span of time in the order of time, "
	"one JSON object a line or as CSV; a profile as pprof, or in another format.  A file is written whole or not "
	"at all, and belongs to its owner alone.",
	"WHAT and NAME=VALUE are those of 'kymo query'.",
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
	  .otherwise = "all",
	  .help = "rows at most; 0: all",
	  .group = HISTORY_WHICH },
	HISTORY_SOURCE,
	HISTORY_OUTPUT(
		"by the name of the file, else pprof",
		"rows as one JSON object a line, as without any option; a profile as the tree of the REST API"),
	{ 0 },
};

static const struct example examples[] = {
	{ "kymo export records --start=-1h -o hour.jsonl", "everything of the last hour" },
	{ "kymo export tcp --csv -o tcp.csv", "all connections there are, for a spreadsheet" },
	{ "kymo export profiles --start=-1h -o hour.pb.gz", "for 'go tool pprof'" },
	{ 0 },
};

const struct verb verb_export = {
	.name = "export",
	.help = "write what 'kymo serve' recorded for other programs",
	.synopsis = "[OPTION...] WHAT [NAME=VALUE...]",
	.about = about,
	.options = options,
	.examples = examples,
	.operands = OPERANDS_WORDS,
	.operands_max = 1 + HISTORY_WORDS,
	.run = export_run,
};
