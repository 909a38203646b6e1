/* SPDX-License-Identifier: MIT */
/* summary.c - what all findings together mean for somebody who wants a profile. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collect/ability/lab.h"

static void say(struct diagnosis *diagnosis, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(struct diagnosis *diagnosis, const char *format, ...)
{
	size_t len = strlen(diagnosis->summary);
	va_list args;

	va_start(args, format);
	vsnprintf(diagnosis->summary + len, sizeof(diagnosis->summary) - len, format, args);
	va_end(args);
}

static bool works(const struct diagnosis *diagnosis, enum ability ability)
{
	return diagnosis_works(diagnosis, ability_name(ability));
}

static const char *remedy(const struct diagnosis *diagnosis, enum ability ability)
{
	return diagnosis_find(diagnosis, ability_name(ability))->result.remedy;
}

/* The ways to sample the whole host: "in the timer tick or by the CPU clock"; false: none. */
static bool say_ways(struct diagnosis *diagnosis)
{
	bool tick = works(diagnosis, ABILITY_TICK), clock = works(diagnosis, ABILITY_CPU_CLOCK);

	if (!tick && !clock)
		return false;
	say(diagnosis, "kymo can profile the whole host %s%s%s%s", tick ? "in the timer tick" : "",
	    tick && clock ? " or " : "", clock ? "by the CPU clock" : "",
	    works(diagnosis, ABILITY_CYCLES) ? " or by the cycle counter" : "");
	return true;
}

static void say_names(struct diagnosis *diagnosis)
{
	bool kernel = works(diagnosis, ABILITY_KALLSYMS);
	bool others =
		works(diagnosis, ABILITY_FOREIGN_MAPS) && works(diagnosis, ABILITY_FOREIGN_FILES);

	if (kernel && others)
		say(diagnosis, ", name the functions of the kernel and of any process");
	else if (kernel)
		say(diagnosis, ", name the functions of the kernel and of this user's processes");
	else if (others)
		say(diagnosis, ", name the functions of any process but not the kernel's");
	else
		say(diagnosis, ", name only the functions of this user's processes");
}

static void say_events(struct diagnosis *diagnosis)
{
	bool events = works(diagnosis, ABILITY_TP_BTF);
	bool probes = works(diagnosis, ABILITY_UPROBE_MULTI);

	if (events && probes)
		say(diagnosis, ", follow events of the kernel and probe user functions");
	else if (events)
		say(diagnosis, ", and follow events of the kernel but not probe user functions");
	else if (probes)
		say(diagnosis, ", and probe user functions but not follow events of the kernel");
	say(diagnosis, ".");
}

static void say_own(struct diagnosis *diagnosis)
{
	const char *command = remedy(diagnosis, ABILITY_OWN_PROCESSES);

	if (works(diagnosis, ABILITY_OWN_PROCESSES))
		say(diagnosis,
		    "kymo can profile this user's own processes, user stacks only, without BPF.");
	else
		say(diagnosis, "kymo cannot profile anything here.");
	if (*command)
		say(diagnosis, " For one's own processes: %s.", command);
}

static enum reach find_reach(const struct diagnosis *diagnosis)
{
	static const enum ability ways[] = { ABILITY_TICK, ABILITY_CPU_CLOCK,
					     ABILITY_OWN_PROCESSES };

	if (works(diagnosis, ABILITY_TICK) || works(diagnosis, ABILITY_CPU_CLOCK))
		return REACH_HOST;
	if (works(diagnosis, ABILITY_OWN_PROCESSES))
		return REACH_OWN;
	for (size_t i = 0; i < array_len(ways); i++)
		if (diagnosis_find(diagnosis, ability_name(ways[i]))->result.state ==
		    ABILITY_FORBIDDEN)
			return REACH_REFUSED;
	return REACH_NOTHING;
}

void summary_write(const struct lab *lab, struct diagnosis *diagnosis)
{
	struct ability_result all = { 0 };

	diagnosis->reach = find_reach(diagnosis);
	if (caps_missing(lab, NEEDS_PROFILING)) {
		caps_remedy(lab, NEEDS_PROFILING, &all);
		strcpy(diagnosis->remedy, all.remedy);
	}
	diagnosis->summary[0] = '\0';
	if (say_ways(diagnosis)) {
		say_names(diagnosis);
		say_events(diagnosis);
		return;
	}
	say_own(diagnosis);
	if (diagnosis->uid && !diagnosis->in_user_namespace && !diagnosis->no_new_privs)
		say(diagnosis, " For the whole host run it with sudo.");
}
