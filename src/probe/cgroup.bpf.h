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
			return NULL;                                                        \
		index = bpf_core_enum_value(enum cgroup_subsys_id___any, name##___any);     \
		break

/* NULL: this kernel has no such hierarchy. */
static __always_inline struct cgroup *task_cgroup(struct task_struct *task, u32 hierarchy)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;
	u64 index;

	switch (hierarchy) {
	case HIERARCHY_V2:
		return BPF_CORE_READ(set, dfl_cgrp);
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
		return NULL;
	}
	bpf_probe_read_kernel(&state, sizeof(state),
			      (u8 *)set + bpf_core_field_offset(struct css_set, subsys) +
				      index * sizeof(void *));
	return state ? BPF_CORE_READ(state, cgroup) : NULL;
}

/* Whether the cgroup of a task is this one or lies below it. */
static __always_inline bool in_cgroup(struct task_struct *task, u32 hierarchy, u64 id)
{
	struct cgroup *group = task_cgroup(task, hierarchy);

	for (int depth = 0; depth < CGROUP_MAX_DEPTH && group; depth++) {
		struct cgroup_subsys_state *above;

		if (BPF_CORE_READ(group, kn, id) == id)
			return true;
		above = BPF_CORE_READ(group, self.parent);
		group = above ? BPF_CORE_READ(above, cgroup) : NULL;
	}
	return false;
}

#endif
