/* SPDX-License-Identifier: MIT */
/* tracer.h - a tree of processes without BPF: stops at fork, exec and exit alone, by ptrace.
 *
 * At the exit stop of each thread its counters are read from /proc: how long it ran and waited for a CPU,
 * its switches, faults, bytes and the peak of its memory, all exact.  The rest of its life it was
 * blocked, by what is not known.  Its system calls run at full speed.
 * With records of switches (switches.h) its running and its waits for a CPU are measured as they happen, and it
 * is known when it was born.
 *
 *     tracer_new       takes the launched child while it still waits
 *     tracer_handle    whenever a child changes its state
 *     tracer_finish    lets go of those that outlive the run
 *
 * The kernel gives a traced program no rights of another user, so a setuid program runs without them;
 * and whatever is traced by somebody else already cannot be followed.  If kymo is killed the tree goes on.
 */
#ifndef COLLECT_TRACE_TRACER_H
#define COLLECT_TRACE_TRACER_H

#include <sys/types.h>

#include "model/account.h"

struct tracer;

/**
 * tracer_new - @with_switches: lives are divided by records of when threads are switched
 *
 * Return: 0; -EPERM, -EACCES not permitted; -ENOMEM; -errno; without fail()
 */
nodiscard int tracer_new(struct account *account, pid_t root, bool with_switches,
			 struct tracer **ret_tracer);

/**
 * tracer_handle - every stop and every end that waits to be heard of
 * @ret_status: as waitpid() has it; set when the root has ended
 *
 * Return: 0; 1 the root has ended; -ENOMEM.
 */
nodiscard int tracer_handle(struct tracer *tracer, int *ret_status);

/** tracer_descriptor - readable when tracer_handle() is due before its time, for poll(); -1: never */
int tracer_descriptor(const struct tracer *tracer);

/** tracer_alive - threads that have not ended */
size_t tracer_alive(const struct tracer *tracer);

/** tracer_finish - what still lives is let go, and is accounted for as far as it came.  0; -ENOMEM */
nodiscard int tracer_finish(struct tracer *tracer, uint64_t at_mono_ns);

/** tracer_root_born - when the root executed its program; 0: not yet */
uint64_t tracer_root_born(const struct tracer *tracer);
void tracer_free(struct tracer *tracer);
own_define(struct tracer, tracer_free)

#endif
