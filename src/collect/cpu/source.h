/* SPDX-License-Identifier: MIT */
/* source.h - what cpu.c needs of one way to take samples.  Private to this folder. */
#ifndef COLLECT_CPU_SOURCE_H
#define COLLECT_CPU_SOURCE_H

#include "collect/cpu/cpu.h"
#include "collect/perf_ring.h"
#include "collect/sideband.h"

struct cpu_source;

/* All but open and close are called with an open source. */
struct cpu_source_type {
	int (*start)(struct cpu_source *source);
	void (*stop)(struct cpu_source *source);
	int (*drain)(struct cpu_source *source, struct batch *batch);
	int (*drain_counts)(struct cpu_source *source, struct batch *batch);
	int (*descriptor)(const struct cpu_source *source);
	bool (*is_over)(const struct cpu_source *source); /* NULL: never */
	int (*describe)(const struct cpu_source *source, struct coverage *coverage);
	struct unwind_tables *(*unwind_tables)(const struct cpu_source *source); /* NULL: none */
	void (*close)(struct cpu_source *source);
};

struct cpu_source {
	const struct cpu_source_type *type;
};

struct cpu_plan {
	const struct cpu_request *request;
	const struct cpu_list *cpus;
	enum cpu_timer timer; /* never CPU_TIMER_BEST */
	uint64_t tick_ns;     /* length of the scheduler's tick */
	uint32_t hierarchy;   /* of the cgroup, enum target_hierarchy */
	uint64_t cgroup_id;
	const struct cpu_source
		*first;         /* that runs beside this one; it has the tables and the events */
	uint32_t pid_namespace; /* inode number; 0: the initial one */
};

/** cpu_tick_ns - length of the scheduler's tick */
uint64_t cpu_tick_ns(void);

/** cpu_bpf_open - samples by BPF; 0; -EPERM; -ENOTSUP; -errno; with fail() said */
nodiscard int cpu_bpf_open(const struct cpu_plan *plan, struct cpu_source **ret_source);

/** cpu_perf_open - samples by perf events alone; likewise */
nodiscard int cpu_perf_open(const struct cpu_plan *plan, struct cpu_source **ret_source);

#endif
