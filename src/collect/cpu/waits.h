/* SPDX-License-Identifier: MIT */
/* waits.h - the programs that measure waits (blocks.bpf.h), and what they know of each thread.
 * Private to this folder.
 */
#ifndef COLLECT_CPU_WAITS_H
#define COLLECT_CPU_WAITS_H

#include "base/own.h"
#include "collect/cpu/programs.h"
#include "collect/cpu/records.h"

struct waits;

/**
 * waits_load - load the first program that this kernel takes, of those that the plan allows
 * @ret_programs: its descriptors; they live as long as the waits
 *
 * Return: 0; -ENOMEM; -errno of the loader, without fail().
 */
nodiscard int waits_load(const struct cpu_plan *plan, struct waits **ret_waits,
			 struct programs *ret_programs);

/** waits_start - measure from now on; threads that wait already are taken up.  fail() is said */
nodiscard int waits_start(struct waits *waits);
void waits_stop(struct waits *waits);

/** waits_are_put_off - whether user stacks are walked when a wait is over, not when it begins */
bool waits_are_put_off(const struct waits *waits);

/** waits_finish - once, after the stop and the last drain: threads that are still waiting */
nodiscard int waits_finish(struct waits *waits, struct records *records, struct batch *batch);
void waits_free(struct waits *waits);
own_define(struct waits, waits_free)

#endif
