/* SPDX-License-Identifier: MIT */
/* cgroup_names.h - paths of control groups by their numbers, in one hierarchy.
 *
 * A number is looked up when it is first asked for: by a handle, which finds any group that is still
 * there; without CAP_DAC_READ_SEARCH by a walk through the hierarchy, which may take 1/50 of the time.
 * What has gone by then is known if somebody told of it while it was there: cgroup_names_learn().
 * Numbers are not used again.
 *
 * Ceilings: CGROUP_NAMES_MAX groups; when there are more all are forgotten, and those that are there
 * found again.  One thread.
 */
#ifndef COLLECT_CGROUP_NAMES_H
#define COLLECT_CGROUP_NAMES_H

#include <stdint.h>

#include "base/own.h"

#define CGROUP_NAMES_MAX 16384

struct cgroup_names;

/**
 * cgroup_names_new - of a hierarchy (enum target_hierarchy)
 *
 * Where it is not mounted only what is learnt has a path.  Return: 0; -ENOMEM.
 */
nodiscard int cgroup_names_new(uint32_t hierarchy, struct cgroup_names **ret_names);

/**
 * cgroup_names_path - the path of a group inside its hierarchy, such as /proc/PID/cgroup has
 * @id: inode number of its directory
 *
 * Return: borrowed until the next call; NULL where it is not known.
 */
const char *cgroup_names_path(struct cgroup_names *names, uint64_t id);

/** cgroup_names_learn - a group is or was there, under this path; 0; -ENOMEM */
nodiscard int cgroup_names_learn(struct cgroup_names *names, uint64_t id, const char *path);
void cgroup_names_free(struct cgroup_names *names);

#endif
