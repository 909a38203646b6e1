/* SPDX-License-Identifier: Dual MIT/GPL */
/* cgroup.bpf.h - in which control group a task is, in the hierarchy of one's choice.
 *
 * @hierarchy (enum target_hierarchy) should be a constant, so that the verifier drops the rest.
 */
#ifndef PROBE_CGROUP_BPF_H
#define PROBE_CGROUP_BPF_H

#include "probe/kernel.h"
#include "probe/target.wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define CGROUP_MAX_DEPTH 64

enum cgroup_subsys_id___any {
	cpuset_cgrp_id___any,
	cpu_cgrp_id___any,
	cpuacct_cgrp_id___any,
	io_cgrp_id___any,
	memory_cgrp_id___any,
	devices_cgrp_id___any,
	freezer_cgrp_id___any,
	perf_event_cgrp_id___any,
	pids_cgrp_id___any,
};

#define hierarchy_case(which, name)                                                         \
	case which:                                                                         \
		if (!bpf_core_enum_value_exists(enum cgroup_subsys_id___any, name##___any)) \
			return -1;                                                          \
		return bpf_core_enum_value(enum cgroup_subsys_id___any, name##___any)

/* The kernel's number of a controller; -1: it has none of this name. */
static __always_inline int hierarchy_controller(u32 hierarchy)
{
	switch (hierarchy) {
		hierarchy_case(HIERARCHY_CPUSET, cpuset_cgrp_id);
		hierarchy_case(HIERARCHY_CPU, cpu_cgrp_id);
		hierarchy_case(HIERARCHY_CPUACCT, cpuacct_cgrp_id);
		hierarchy_case(HIERARCHY_IO, io_cgrp_id);
		hierarchy_case(HIERARCHY_MEMORY, memory_cgrp_id);
		hierarchy_case(HIERARCHY_DEVICES, devices_cgrp_id);
		hierarchy_case(HIERARCHY_FREEZER, freezer_cgrp_id);
		hierarchy_case(HIERARCHY_PERF_EVENT, perf_event_cgrp_id);
		hierarchy_case(HIERARCHY_PIDS, pids_cgrp_id);
	default:
		return -1;
	}
}

/* NULL: this kernel has no such hierarchy.
 *
 * One copy for each program, and the controllers before the css_set: the kernel relocates in the order
 * of instructions and remembers one type of those whose names have the same hash, these two among them.
 * For each other one it searches all of its types, which takes a millisecond.
 */
static __noinline struct cgroup *task_cgroup(struct task_struct *task, u32 hierarchy)
{
	int controller = hierarchy_controller(hierarchy);
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;

	if (hierarchy == HIERARCHY_V2)
		return BPF_CORE_READ(set, dfl_cgrp);
	if (controller < 0)
		return NULL;
	bpf_probe_read_kernel(&state, sizeof(state),
			      (u8 *)set + bpf_core_field_offset(struct css_set, subsys) +
				      controller * sizeof(void *));
	return state ? BPF_CORE_READ(state, cgroup) : NULL;
}

/* Whether a cgroup is this one or lies below it. */
static __always_inline bool cgroup_is_below(struct cgroup *group, u64 id)
{
	for (int depth = 0; depth < CGROUP_MAX_DEPTH && group; depth++) {
		struct cgroup_subsys_state *above;

		if (BPF_CORE_READ(group, kn, id) == id)
			return true;
		above = BPF_CORE_READ(group, self.parent);
		group = above ? BPF_CORE_READ(above, cgroup) : NULL;
	}
	return false;
}

/* Whether the cgroup of a task is this one or lies below it. */
static __always_inline bool in_cgroup(struct task_struct *task, u32 hierarchy, u64 id)
{
	return cgroup_is_below(task_cgroup(task, hierarchy), id);
}

#endif
