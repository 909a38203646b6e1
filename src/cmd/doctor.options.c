/* SPDX-License-Identifier: MIT */
#include "cmd/doctor.h"

static const char *const about[] = {
	"Tries each ability of the kernel that kymo can use, with a tiny program, and says whether "
	"it works, why not, what is lost without it, and which command would change that.",
	"Nothing is left behind on the machine.  The exit status is 0 if anything can be profiled "
	"here, if only this user's own processes; 77 if nothing can for want of rights, 69 if the "
	"kernel lacks what it takes.",
	NULL,
};

static const struct option options[] = {
	{ .name = "json", .help = "one JSON object instead of a table", .group = "Output" },
	{ 0 },
};

static const struct example examples[] = {
	{ "kymo doctor", "what this user can do on this machine" },
	{ "sudo kymo doctor --json", "the same for root, for a program to read" },
	{ 0 },
};

const struct verb verb_doctor = {
	.name = "doctor",
	.help = "show what works on this machine, and what would make the rest work",
	.synopsis = "[OPTION...]",
	.about = about,
	.options = options,
	.examples = examples,
	.run = doctor_run,
};
