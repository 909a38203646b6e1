/* SPDX-License-Identifier: MIT */
/* ability.h - whether something works on this kernel for this process, found by doing it.
 *
 * Each ability is tried with a program of a few instructions or one perf event: load it, attach it,
 * and where that is cheap make it run and look at what it did.  Nothing is concluded from versions,
 * configuration or the presence of files; those only word the reason.  Everything that a try
 * creates is gone when it returns.  Not thread-safe; some tries fork.
 */
#ifndef COLLECT_ABILITY_H
#define COLLECT_ABILITY_H

#include "model/diagnosis.h"

enum ability {
	ABILITY_TICK,
	ABILITY_CPU_CLOCK,
	ABILITY_CYCLES,
	ABILITY_OWN_PROCESSES,
	ABILITY_RAW_TP,
	ABILITY_TP_BTF,
	ABILITY_TRACEPOINT,
	ABILITY_ITER_TASK,
	ABILITY_ITER_TASK_FILE,
	ABILITY_ITER_TASK_VMA,
	ABILITY_ITER_TCP,
	ABILITY_ITER_UDP,
	ABILITY_ITER_UNIX,
	ABILITY_UPROBE_MULTI,
	ABILITY_UPROBE_SESSION,
	ABILITY_UPROBE_PERF,
	ABILITY_KPROBE,
	ABILITY_KPROBE_MULTI,
	ABILITY_FENTRY,
	ABILITY_RING_BUFFER,
	ABILITY_LIGHT_SKELETON,
	ABILITY_KERNEL_READS,
	ABILITY_BPF_LOOP,
	ABILITY_ARENA,
	ABILITY_TASK_STORAGE,
	ABILITY_TASK_WORK,
	ABILITY_FIND_VMA,
	ABILITY_CGROUP_FILTER,
	ABILITY_KERNEL_BTF,
	ABILITY_KERNEL_FIELDS,
	ABILITY_KALLSYMS,
	ABILITY_FOREIGN_MAPS,
	ABILITY_FOREIGN_FILES,
	ABILITY_DELETED_FILES,
	ABILITY_CAP_BPF,
	ABILITY_CAP_PERFMON,
	ABILITY_CAP_SYS_ADMIN,
	ABILITY_CAP_SYS_PTRACE,
	ABILITY_CAP_SYSLOG,
	ABILITY_CAP_CHECKPOINT_RESTORE,
	ABILITY_CAP_DAC_READ_SEARCH,
	ABILITY_COUNT
};

/* What several tries share: the rights of this process, a scratch map, the kernel's BTF. */
struct lab;

/**
 * lab_new - get ready to try things; silences libbpf until lab_free()
 * @quick: cpu-clock only opens its events and loads its program: a few milliseconds, not 80
 *
 * Even so, tries that attach to perf events or to user functions take 25 to 110 ms, because the
 * kernel waits until no CPU uses the probe any more.  The rest takes 0.1 to 12 ms (measured).
 */
nodiscard int lab_new(bool quick, struct lab **ret_lab);
void lab_free(struct lab *lab);
own_define(struct lab, lab_free);

/** ability_try - try one thing; never fails: that too is a result */
void ability_try(struct lab *lab, enum ability ability, struct ability_result *ret_result);

/** ability_works - one quick try in a lab of its own; true if it works, fully or in part */
bool ability_works(enum ability ability);

/** ability_name - the stable name of an ability, as `kymo doctor --json` writes it */
const char *ability_name(enum ability ability);

/**
 * diagnose - try everything
 *
 * Return: 0, free with diagnosis_done(); -ENOMEM.
 */
nodiscard int diagnose(struct diagnosis *ret_diagnosis);

#endif
