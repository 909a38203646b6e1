/* SPDX-License-Identifier: MIT */
#include "session/latency_more.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define DEPTH_MAX 64 /* of fast calls inside of each other that are looked through */

/* A function below its callers. */
struct more_node {
	uint32_t parent, token; /* token: string, of an address without a name that of its module */
	uint32_t task, stack;   /* of a slow call that was here */
	uint64_t samples, slow_ns, fast_ns;
};

struct more {
	const struct profile *profile;
	vec(struct more_node) nodes;
	struct index index;
	uint32_t *node_of; /* by stack, + 1; 0: not known yet */
};

int more_add(struct more_calls *fast, const struct more_call *call)
{
	size_t gone = fast->list.len / 2;

	if (fast->list.len >= MORE_FAST_MAX) {
		fast->list.len -= gone;
		memmove(fast->list.data, fast->list.data + gone,
			fast->list.len * sizeof(*fast->list.data));
	}
	return vec_push(&fast->list, *call);
}

static int by_thread(const void *a, const void *b)
{
	const struct more_call *one = a, *other = b;

	if (one->tid != other->tid)
		return one->tid < other->tid ? -1 : 1;
	return one->began_mono_ns < other->began_mono_ns
		       ? -1
		       : one->began_mono_ns > other->began_mono_ns;
}

bool more_find(struct more_calls *fast, uint32_t tid, uint64_t from_mono_ns, uint64_t to_mono_ns)
{
	size_t low = 0, high = fast->list.len;

	if (!fast->is_sorted && high)
		qsort(fast->list.data, high, sizeof(*fast->list.data), by_thread);
	fast->is_sorted = true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct more_call *one = &fast->list.data[middle];

		if (one->tid < tid || (one->tid == tid && one->began_mono_ns <= from_mono_ns))
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = 0; i < DEPTH_MAX && low-- > 0; i++) {
		const struct more_call *one = &fast->list.data[low];

		if (one->tid != tid)
			return false;
		if (one->ended_mono_ns >= to_mono_ns)
			return true;
	}
	return false;
}

void more_done(struct more_calls *fast)
{
	vec_done(&fast->list);
}

int more_new(const struct profile *profile, struct more **ret_more)
{
	own(more_freep) struct more *more = calloc(1, sizeof(*more));
	int err;

	if (!more)
		return -ENOMEM;
	more->profile = profile;
	more->node_of = calloc(profile->stacks.len + 1, sizeof(*more->node_of));
	err = more->node_of ? vec_push(&more->nodes, (struct more_node){ 0 }) : -ENOMEM;
	if (!err)
		*ret_more = take(more);
	return err;
}

static bool is_same(const void *owner, uint32_t entry, const void *key)
{
	const struct more_node *have = &((const struct more *)owner)->nodes.data[entry];
	const struct more_node *wanted = key;

	return have->parent == wanted->parent && have->token == wanted->token;
}

static int add_node(struct more *more, uint32_t token, uint32_t *node)
{
	struct more_node wanted = { .parent = *node, .token = token };
	uint64_t hash = hash_mix(1, (uint64_t)*node << 32 | token);
	uint32_t found = index_find(&more->index, hash, is_same, more, &wanted);
	int err = 0;

	if (found == INDEX_NONE) {
		found = (uint32_t)more->nodes.len;
		err = vec_push(&more->nodes, wanted);
		err = err ?: index_add(&more->index, hash, found);
	}
	*node = found;
	return err;
}

static int add_frame(struct more *more, const struct frame *frame, uint32_t *node)
{
	const struct name *names = more->profile->names.data + frame->first_name;
	int err = 0;

	if (!frame->name_count)
		return add_node(more, 0, node);
	for (uint16_t i = 0; !err && i < frame->name_count; i++)
		err = add_node(more, names[i].is_address ? names[i].module : names[i].function,
			       node);
	return err;
}

/* Down from the nearest caller that has a node. */
static int node_of(struct more *more, uint32_t stack, uint32_t *ret_node)
{
	const struct profile *profile = more->profile;
	vec(uint32_t) path = { 0 };
	uint32_t node = 0;
	int err = 0;

	for (; !err && stack && !more->node_of[stack]; stack = profile->stacks.data[stack].parent)
		err = vec_push(&path, stack);
	if (stack)
		node = more->node_of[stack] - 1;
	while (!err && path.len) {
		stack = path.data[--path.len];
		err = add_frame(more, &profile->frames.data[profile->stacks.data[stack].frame],
				&node);
		more->node_of[stack] = node + 1;
	}
	vec_done(&path);
	*ret_node = node;
	return err;
}

int more_count(struct more *more, const struct moment *moment, bool is_slow)
{
	struct more_node *node;
	uint32_t number;
	int err = node_of(more, moment->stack, &number);

	if (err)
		return err;
	node = &more->nodes.data[number];
	if (!is_slow) {
		node->fast_ns += moment->weight_ns;
		return 0;
	}
	node->task = moment->task;
	node->stack = moment->stack;
	node->slow_ns += moment->weight_ns;
	node->samples++;
	return 0;
}

int more_keep(struct more *more, struct profile *profile, uint64_t slow_calls, uint64_t fast_calls)
{
	int err = 0;

	profile->entries.len = 0;
	index_clear(&profile->entry_index);
	profile->samples = profile->weight_ns = 0;
	for (size_t i = 0; !err && i < more->nodes.len; i++) {
		const struct more_node *node = &more->nodes.data[i];
		double fast_ns =
			fast_calls ? (double)node->fast_ns * (double)slow_calls / (double)fast_calls
				   : 0;

		if (node->samples && (double)node->slow_ns > fast_ns)
			err = profile_count(profile, node->task, node->stack, node->samples,
					    node->slow_ns - (uint64_t)fast_ns);
	}
	return err;
}

void more_free(struct more *more)
{
	if (!more)
		return;
	vec_done(&more->nodes);
	index_done(&more->index);
	free(more->node_of);
	free(more);
}
