/* SPDX-License-Identifier: MIT */
/* watch_tree.h - which processes belong to a tree, told by the records of collector 'process'.
 *
 * Records come in the order of time, so the fork of a process is known before anything that it does.  A
 * number that another process gets leaves.  One thread.
 */
#ifndef SESSION_WATCH_TREE_H
#define SESSION_WATCH_TREE_H

#include "base/hash.h"
#include "model/records.h"

#define WATCH_TREE_MAX (4u << 20) /* numbers of processes: PID_MAX_LIMIT of the kernel */

struct watch_member {
	uint32_t pid;
	bool is_member;
};

struct watch_tree {
	uint32_t launch_pid; /* joins when it executes its program; 0: nobody */
	vec(struct watch_member) members;
	struct index index;
};

/** watch_tree_add - Return: 0; -ENOMEM; -E2BIG at the ceiling */
nodiscard int watch_tree_add(struct watch_tree *tree, uint32_t pid);

/**
 * watch_tree_take - learn from a record, and tell whether it is about the tree
 * @ret_wanted: it is an event of a process of the tree, or a signal that one sent
 *
 * Return: 0; as watch_tree_add().
 */
nodiscard int watch_tree_take(struct watch_tree *tree, const struct record *record,
			      bool *ret_wanted);
void watch_tree_done(struct watch_tree *tree);

#endif
