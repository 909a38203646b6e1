/* SPDX-License-Identifier: MIT */
/* target.wire.h - which tasks a program is interested in, as constants set before it is loaded. */
#ifndef PROBE_TARGET_WIRE_H
#define PROBE_TARGET_WIRE_H

#include "probe/unit.h"

enum target_kind {
	TARGET_HOST,    /* everything */
	TARGET_PROCESS, /* the processes in `targets`, and what they fork */
	TARGET_THREAD,  /* the threads in `targets` */
	TARGET_CGROUP,  /* the cgroup `cgroup_id` of one hierarchy, and those below it */
};

#define TARGET_MAX 16384 /* processes or threads at once */

/* Hierarchies by controller; the number that the running kernel gives to each is found by CO-RE. */
enum target_hierarchy {
	HIERARCHY_V2,
	HIERARCHY_CPUSET,
	HIERARCHY_CPU,
	HIERARCHY_CPUACCT,
	HIERARCHY_IO,
	HIERARCHY_MEMORY,
	HIERARCHY_DEVICES,
	HIERARCHY_FREEZER,
	HIERARCHY_PERF_EVENT,
	HIERARCHY_PIDS,
	HIERARCHY_COUNT
};

struct target_filter {
	u32 kind;          /* enum target_kind */
	u32 hierarchy;     /* enum target_hierarchy */
	u64 cgroup_id;     /* inode number of the cgroup's directory */
	u32 launch_pid;    /* joins `targets` when it executes; 0: nobody */
	u32 pid_namespace; /* inode number of that in which PIDs are told; 0: the initial one */
};

#endif
