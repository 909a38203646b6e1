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

#endif
