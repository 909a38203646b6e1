/* SPDX-License-Identifier: MIT */
/* cgroup.h - a cgroup by its path, in whichever hierarchy it lies (v2, or a v1 controller). */
#ifndef COLLECT_CGROUP_H
#define COLLECT_CGROUP_H

#include <stdint.h>

#include "base/own.h"

/**
 * cgroup_find - the hierarchy and number of a cgroup
 * @path: a directory below a cgroup mount, or its path inside any hierarchy, v2 first
 * @ret_hierarchy: enum target_hierarchy
 * @ret_id: inode number of the directory
 *
 * Return: 0; -ENOENT no such cgroup; -ENOTSUP a hierarchy without controller; with fail() said.
 */
nodiscard int cgroup_find(const char *path, uint32_t *ret_hierarchy, uint64_t *ret_id);

/**
 * cgroup_choose - the hierarchy in which processes should be told apart where nobody named one
 *
 * v2 if there are processes outside its root; else the first v1 controller that has groups, memory
 * before all others; else the first that is mounted.
 * Return: enum target_hierarchy; HIERARCHY_V2 also where nothing is mounted.
 */
uint32_t cgroup_choose(void);

/** cgroup_mount - where a hierarchy is mounted, to be freed; NULL: nowhere, or no memory */
char *cgroup_mount(uint32_t hierarchy);

#endif
