/* SPDX-License-Identifier: MIT */
/* latency_plan.h - which functions are meant, in which files, and how the calls of each are seen.
 *
 * "FILE:NAME" names functions of a file, which may be a path, a program in PATH or a library by its
 * file name; with a process, "NAME" alone is looked for in its program and then in its libraries.
 * "usdt:PROVIDER:NAME" is a probe point, whose hits are counted, and "usdt:PROVIDER:BEGIN..END" the time
 * from one to the other on a thread.
 * Nothing of a process is touched here.
 */
#ifndef SESSION_LATENCY_PLAN_H
#define SESSION_LATENCY_PLAN_H

#include "elf/functions.h"
#include "model/latency.h"

#define LATENCY_FILES_MAX 64
#define LATENCY_BY_PERF                                                                      \
	"by a perf event for each place, which is slow to take off and makes switches to a " \
	"probed process dearer"

struct latency_file {
	char *path; /* as it was found */
	struct image *image, *mini;
	uint64_t changed_ns; /* when it was written to last, as it was examined */
	uint64_t bytes;
};

struct latency_plan {
	uint32_t pid;                        /* 0: any process */
	struct call_arg args[CALL_ARGS_MAX]; /* that are wanted of each call */
	size_t arg_count;
	bool by_perf;       /* each place takes a perf event; known when probes can be set */
	bool skips_inlined; /* what was inlined of a function is not looked for */
	vec(struct latency_file *) files;
	vec(struct latency_function) functions;
	vec(uint32_t) file_of; /* by function */
	vec(struct call_site) sites;
	vec(uint64_t) semaphores; /* by site: where in the file; 0: none */
	vec(uint64_t) offsets;    /* by site */
	vec(char *) refused;      /* functions that cannot be probed, and why */
	vec(char *) unseen;       /* calls that probes do not see, a clause each */
	vec(char *) texts;        /* names and such, owned */
};

/**
 * latency_plan_arg - an argument that is wanted of each call: "N", "N:int", "N:int32", "N:str", "N:gostr"
 *
 * Before latency_plan_add().  Return: 0; -ERROR_USAGE, -E2BIG with fail() and hint() said.
 */
nodiscard int latency_plan_arg(struct latency_plan *plan, const char *text);

/**
 * latency_plan_add - what one operand of the command line names
 *
 * Return: 0; -ENOENT with fail() and hint() said; -E2BIG; -errno with fail() said.
 */
nodiscard int latency_plan_add(struct latency_plan *plan, const char *operand);

/** latency_plan_costs - what the probes will add to each call, by the dearest way out.  @ns: of a hit */
void latency_plan_costs(struct latency_plan *plan, const uint64_t ns[CALL_COSTS]);

/** latency_plan_changed - a file that was written to since it was examined; NULL: none */
const char *latency_plan_changed(const struct latency_plan *plan);

/** latency_plan_note - what was not measured.  Return: 0; -ENOMEM */
nodiscard int latency_plan_note(const struct latency_plan *plan, struct coverage *coverage);

/** latency_plan_close - after the last run: the files are closed, and what is known by name stays */
void latency_plan_close(struct latency_plan *plan);
void latency_plan_done(struct latency_plan *plan);

#endif
