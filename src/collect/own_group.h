/* SPDX-License-Identifier: MIT */
/* own_group.h - a control group made for one command, and what the kernel sums up of it.
 *
 * It lies below the group that the process is in already, in v2 and in those v1 hierarchies that count CPU
 * time, memory or blocks; limits of that group hold on.  Where the group of v2 gives its children
 * no memory controller, the nearest one above that does is taken, as long as the groups between have no limits
 * of their own.  Whatever leaves its parents stays in the group, so the sums have all of the tree.
 */
#ifndef COLLECT_OWN_GROUP_H
#define COLLECT_OWN_GROUP_H

#include <sys/types.h>

#include "model/account.h"

enum own_group_kind {
	OWN_GROUP_V2,
	OWN_GROUP_MEMORY,
	OWN_GROUP_CPUACCT,
	OWN_GROUP_IO,
	OWN_GROUP_KINDS
};

struct own_group {
	char *folders[OWN_GROUP_KINDS]; /* NULL: none in that hierarchy */
	char *parents[OWN_GROUP_KINDS];
};

/**
 * own_group_make - make it and move a process there, which becomes the first of its tree
 *
 * Return: 0; -EACCES, -ENOENT with fail() said: there is no hierarchy in which it can be made.
 */
nodiscard int own_group_make(pid_t pid, struct own_group *ret_group);

/** own_group_read - what was counted in it so far; what its controllers do not count stays unset */
void own_group_read(const struct own_group *group, struct account_group *ret_sums);

/** own_group_done - who is still there goes to the group above, and it is removed */
void own_group_done(struct own_group *group);

/**
 * own_group_choose - below which folder of v2 to make it
 * @top: where the hierarchy is mounted
 * @own: the folder of the group that the process is in, @top or below it
 *
 * Return: to be freed; NULL: no memory.
 */
char *own_group_choose(const char *top, const char *own);

#endif
