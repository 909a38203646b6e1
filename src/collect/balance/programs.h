/* SPDX-License-Identifier: MIT */
/* programs.h - the loaded programs of this folder, and the tasks that their iterator tells of.  Private
 * to this folder.
 */
#ifndef COLLECT_BALANCE_PROGRAMS_H
#define COLLECT_BALANCE_PROGRAMS_H

#include "base/own.h"
#include "base/vec.h"
#include "collect/balance/balance.wire.h"

/* Which tracepoint runs which program. */
struct balance_hook {
	const char *tracepoint;
	int program;
	const char *without; /* what is not measured where it does not exist; NULL: it is needed */
	uint32_t sections;   /* that are incomplete then: a bit for each enum account_section */
	const char
		*instead[2]; /* tracepoints that do where the first does not exist; NULL: no more */
};

#define BALANCE_HOOKS 24

struct balance_programs {
	struct balance_hook hooks[BALANCE_HOOKS]; /* a NULL tracepoint closes them */
	int records, cells, members, totals, calls;
	int spaces, peers, sockets, devices;
	u64 *stopped_at; /* these lie in memory that is shared with the programs */
	const u64 *root_process;
	u64 *alive, *born, *born_processes;
	u64 *in_parts; /* to be set where requests to disks are told by other tracepoints */
	const struct balance_refused *refused;
	struct balance_memory *memory;
	void *skeleton;
	void (*destroy)(void *skeleton);
};

/** programs_load - Return: 0; -ENOMEM; -errno of the loader, without fail() */
nodiscard int programs_load(const struct balance_options *options,
			    struct balance_programs *ret_programs);

/* Every task of the host as it was when it was last read. */
struct balance_tasks {
	vec(struct balance_task) tasks; /* sorted by address */
	void *skeleton;                 /* NULL: not loaded yet */
	int link;
};

/** tasks_open - prepare, where time is short later.  Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int tasks_open(struct balance_tasks *tasks, const struct balance_options *options);

/** tasks_read - look again.  Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int tasks_read(struct balance_tasks *tasks, const struct balance_options *options);

/** tasks_at - the task of an address, if it is still the one of that number; else NULL */
const struct balance_task *tasks_at(const struct balance_tasks *tasks, uint64_t address,
				    uint32_t kernel_tgid);
void tasks_done(struct balance_tasks *tasks);

#endif
