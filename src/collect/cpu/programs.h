/* SPDX-License-Identifier: MIT */
/* programs.h - what the light skeletons of this folder have in common.  Private to this folder.
 *
 * Their types only differ in name, so the steps are macros.
 */
#ifndef COLLECT_CPU_PROGRAMS_H
#define COLLECT_CPU_PROGRAMS_H

#include "collect/cpu/cpu.wire.h"
#include "collect/cpu/source.h"

/* Descriptors of a loaded object, whichever it is; none is owned here. */
struct programs {
	int sample, fork, exec, free;
	int exit; /* 0: there is none */
	int ring, counts, targets, statistics;
	int unwind_blocks, unwind_mappings;
	const u64 *targets_refused;
};

/** programs_options - the constants that a request amounts to */
struct cpu_options programs_options(const struct cpu_plan *plan);
struct target_filter programs_filter(const struct cpu_plan *plan);
uint32_t programs_ring_bytes(const struct cpu_plan *plan);

/** programs_have_tables - whether user stacks are walked by tables */
bool programs_have_tables(const struct cpu_request *request);

/** programs_table_size - of the two maps of unwind tables */
struct unwind_tables_size programs_table_size(const struct cpu_request *request);

/* How large the maps of an opened skeleton are to be. */
#define programs_size(skel, plan)                                                        \
	({                                                                               \
		const struct cpu_request *request_ = (plan)->request;                    \
		(skel)->maps.samples.max_entries = programs_ring_bytes(plan);            \
		if (programs_have_tables(request_)) {                                    \
			(skel)->maps.unwind_blocks.max_entries =                         \
				programs_table_size(request_).blocks;                    \
			(skel)->maps.unwind_mappings.max_entries =                       \
				programs_table_size(request_).parts;                     \
		}                                                                        \
		if (request_->every_sample)                                              \
			(skel)->maps.counts.max_entries = 1;                             \
		if (request_->kind != TARGET_PROCESS && request_->kind != TARGET_THREAD) \
			(skel)->maps.targets.max_entries = 1;                            \
	})

/* An opened skeleton, ready to be loaded; NULL without memory. */
#define programs_open(plan, which)                                                 \
	({                                                                         \
		struct collect_cpu_##which *skel_ = collect_cpu_##which##__open(); \
		if (skel_) {                                                       \
			skel_->rodata->options = programs_options(plan);           \
			skel_->rodata->target = programs_filter(plan);             \
			programs_size(skel_, plan);                                \
		}                                                                  \
		skel_;                                                             \
	})

#define programs_of(skel, program)                                             \
	((struct programs){                                                    \
		.sample = (skel)->progs.program.prog_fd,                       \
		.fork = (skel)->progs.target_fork.prog_fd,                     \
		.exec = (skel)->progs.target_exec.prog_fd,                     \
		.free = (skel)->progs.target_free.prog_fd,                     \
		.ring = (skel)->maps.samples.map_fd,                           \
		.counts = (skel)->maps.counts.map_fd,                          \
		.targets = (skel)->maps.targets.map_fd,                        \
		.statistics = (skel)->maps.statistics.map_fd,                  \
		.unwind_blocks = (skel)->maps.unwind_blocks.map_fd,            \
		.unwind_mappings = (skel)->maps.unwind_mappings.map_fd,        \
		.targets_refused = (const u64 *)&(skel)->bss->targets_refused, \
	})

#endif
