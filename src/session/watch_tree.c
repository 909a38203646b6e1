/* SPDX-License-Identifier: MIT */
#include "session/watch_tree.h"

#include <errno.h>
#include <string.h>

static bool is_pid(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct watch_tree *)owner)->members.data[entry].pid ==
	       *(const uint32_t *)key;
}

static struct watch_member *find(const struct watch_tree *tree, uint32_t pid)
{
	uint32_t entry = index_find(&tree->index, hash_mix(1, pid), is_pid, tree, &pid);

	return entry == INDEX_NONE ? NULL : &tree->members.data[entry];
}

int watch_tree_add(struct watch_tree *tree, uint32_t pid)
{
	struct watch_member *known = find(tree, pid);
	int err;

	if (known) {
		known->is_member = true;
		return 0;
	}
	if (tree->members.len >= WATCH_TREE_MAX)
		return -E2BIG;
	err = vec_push(&tree->members, { pid, true });
	return err ?: index_add(&tree->index, hash_mix(1, pid), (uint32_t)tree->members.len - 1);
}

static bool is_member(const struct watch_tree *tree, uint64_t pid)
{
	const struct watch_member *known = pid <= UINT32_MAX ? find(tree, (uint32_t)pid) : NULL;

	return known && known->is_member;
}

static uint64_t number_of(const struct record *record, const char *name)
{
	const struct field *field = schema_field(record->schema, name);

	return field ? record_u64(record, field) : UINT64_MAX;
}

static int learn(struct watch_tree *tree, const struct record *record)
{
	uint32_t pid = (uint32_t)number_of(record, "pid");
	struct watch_member *known;

	if (strcmp(record->schema->collector, "process") != 0)
		return 0;
	if (strcmp(record->schema->event, "exec") == 0)
		return tree->launch_pid && pid == tree->launch_pid ? watch_tree_add(tree, pid) : 0;
	if (strcmp(record->schema->event, "fork") != 0)
		return 0;
	if (is_member(tree, number_of(record, "ppid")))
		return watch_tree_add(tree, pid);
	known = find(tree, pid);
	if (known)
		known->is_member = false;
	return 0;
}

int watch_tree_take(struct watch_tree *tree, const struct record *record, bool *ret_wanted)
{
	int err = learn(tree, record);

	if (err)
		return err;
	*ret_wanted = record->schema->shape == SCHEMA_EVENTS &&
		      (is_member(tree, number_of(record, "pid")) ||
		       is_member(tree, number_of(record, "sender_pid")));
	return 0;
}

void watch_tree_done(struct watch_tree *tree)
{
	vec_done(&tree->members);
	index_done(&tree->index);
}
