/* SPDX-License-Identifier: MIT */
/* ladder.h - the ways to account for a command without BPF.  For session/ only.
 *
 *     perf     every process and thread, by stops at fork, exec and exit, and their switches
 *     ptrace   the stops alone
 *     cgroup   a control group of its own: CPU time, memory and disk of the whole tree
 *     proc     the first thread of the command, as /proc has it when it has ended
 *
 * The last two also tell what the kernel tells the parent of a command.  Each names itself in the
 * account and says what it cannot measure; nothing takes the place of that.
 */
#ifndef SESSION_LADDER_H
#define SESSION_LADDER_H

#include <sys/resource.h>

#include "collect/own_group.h"
#include "collect/trace/tracer.h"
#include "session/launch.h"
#include "session/run.h"

struct ladder {
	struct account *account;
	struct launch *launch;
	const struct run_request *request;
	struct own_group *group;
	struct tracer *tracer;       /* NULL: not by ptrace */
	struct rusage before;        /* of children that ended before */
	struct balance_times waited; /* what our child did while it waited */
};

/**
 * ladder_open - the one that is asked for, else the first that works; the launched child waits
 * @group: made already, or made here
 *
 * Return: 0; -ENOMEM; -errno with fail() said.  Call ladder_done() in any case.
 */
nodiscard int ladder_open(struct ladder *ladder, const struct run_request *request,
			  struct launch *launch, struct account *account, struct own_group *group);

/** ladder_handle - whatever waits to be heard of.  Return: 0; -ENOMEM */
nodiscard int ladder_handle(struct ladder *ladder);

/** ladder_descriptor - readable when ladder_handle() is due before its time, for poll(); -1: never */
int ladder_descriptor(const struct ladder *ladder);

/** ladder_alive - threads that have not ended, as far as they are known */
uint64_t ladder_alive(const struct ladder *ladder);

/** ladder_root_born - when the command executed its program; 0: not yet, or not known */
uint64_t ladder_root_born(const struct ladder *ladder);

/** ladder_finish - `ended_mono_ns` is set.  Return: 0; -ENOMEM */
nodiscard int ladder_finish(struct ladder *ladder);
void ladder_done(struct ladder *ladder);

#endif
