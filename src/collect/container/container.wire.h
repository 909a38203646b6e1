/* SPDX-License-Identifier: MIT */
/* container.wire.h - control groups, which containers are made of, and the processes in them.
 *
 * Of v1 a container has a group in each hierarchy, so there is a record for each.
 */
#ifndef COLLECT_CONTAINER_WIRE_H
#define COLLECT_CONTAINER_WIRE_H

#include "probe/event.wire.h"

/* In the order of enum target_hierarchy; then hierarchies that no group is told by. */
enum container_hierarchy {
	CONTAINER_HIERARCHY_V2,
	CONTAINER_HIERARCHY_CPUSET,
	CONTAINER_HIERARCHY_CPU,
	CONTAINER_HIERARCHY_CPUACCT,
	CONTAINER_HIERARCHY_BLKIO,
	CONTAINER_HIERARCHY_MEMORY,
	CONTAINER_HIERARCHY_DEVICES,
	CONTAINER_HIERARCHY_FREEZER,
	CONTAINER_HIERARCHY_PERF_EVENT,
	CONTAINER_HIERARCHY_PIDS,
	CONTAINER_HIERARCHY_OTHER,
	CONTAINER_HIERARCHY_NAMED
};

struct container_create {
	struct event event; /* of who makes it */
	u64 group_id HELP("inode number of its directory");
	enum container_hierarchy hierarchy HELP("v2, or the first controller of a v1 hierarchy");
	u32 hierarchy_id HELP("as in /proc/PID/cgroup");
	bool is_usual HELP("of the hierarchy in which other records tell their group");
	tail_cgroup group HELP("its path in its hierarchy");
};

struct container_remove {
	struct event event; /* of who removes it */
	u64 group_id HELP("inode number of its directory");
	enum container_hierarchy hierarchy HELP("v2, or the first controller of a v1 hierarchy");
	u32 hierarchy_id HELP("as in /proc/PID/cgroup");
	bool is_usual HELP("of the hierarchy in which other records tell their group");
	unit_ns duration HELP("since it was made");
	tail_cgroup group HELP("its path in its hierarchy");
};

struct container_release {
	struct event event; /* of nobody */
	u64 group_id HELP("inode number of its directory");
	enum container_hierarchy hierarchy HELP("v2, or the first controller of a v1 hierarchy");
	u32 hierarchy_id HELP("as in /proc/PID/cgroup");
	bool is_usual HELP("of the hierarchy in which other records tell their group");
	unit_ns lingering HELP("since it was removed; what it holds, memory above all, kept it");
	tail_cgroup group HELP("its path in its hierarchy");
};

struct container_rename {
	struct event event; /* of who renames it; v1 only */
	u64 group_id HELP("inode number of its directory");
	enum container_hierarchy hierarchy HELP("v2, or the first controller of a v1 hierarchy");
	u32 hierarchy_id HELP("as in /proc/PID/cgroup");
	bool is_usual HELP("of the hierarchy in which other records tell their group");
	tail_cgroup group HELP("its new path in its hierarchy");
};

struct container_attach {
	struct event event; /* of the process that is moved */
	u64 group_id HELP("inode number of the directory it is moved to");
	enum container_hierarchy hierarchy HELP("v2, or the first controller of a v1 hierarchy");
	u32 hierarchy_id HELP("as in /proc/PID/cgroup");
	bool is_usual HELP("of the hierarchy in which other records tell their group");
	bool is_process HELP("with all its threads, not one thread alone");
	id_pid by HELP("process that moves it");
	tail_cgroup group HELP("path in its hierarchy");
};

/* A process that was there when kymo began to look, with the group that it is in. */
struct container_process {
	struct event event;
	id_pid ppid HELP("parent");
	unit_count threads;
	unit_ns duration HELP("since it was forked");
};

#endif
