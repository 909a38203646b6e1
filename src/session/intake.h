/* SPDX-License-Identifier: MIT */
/* intake.h - from batches to the profile: order of time, stacks, repetitions, losses. */
#ifndef SESSION_INTAKE_H
#define SESSION_INTAKE_H

#include "collect/cpu/cpu.h"
#include "session/processes.h"

struct intake;

/**
 * intake_new - nothing taken in yet
 * @request: whose processes will be sampled; those that are named are read at once
 */
nodiscard int intake_new(struct profile *profile, struct files *files,
			 const struct cpu_request *request, struct intake **ret_intake);
void intake_free(struct intake *intake);
own_define(struct intake, intake_free)

/** intake_take - put one batch into the profile; sorts it */
nodiscard int intake_take(struct intake *intake, struct batch *batch);

/** intake_report - at the end: note in the coverage where stacks were cut, and why.  0; -ENOMEM */
nodiscard int intake_report(struct intake *intake);

/** intake_unwind - samples may come with raw stacks; @unwinder: the caller's, outlives the intake */
void intake_unwind(struct intake *intake, struct unwinder *unwinder);

/** intake_drain - take what the kernel has gathered into the profile */
nodiscard int intake_drain(struct intake *intake, struct cpu *cpu);

/** intake_finish - after cpu_stop(): the rest, and the counts of repeated samples */
nodiscard int intake_finish(struct intake *intake, struct cpu *cpu);

#endif
