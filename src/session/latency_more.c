/* SPDX-License-Identifier: MIT */
#include "session/latency_more.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define WALK_MAX 64 /* calls of a thread that began later and are over, and are looked past */

/* A function below its callers. */
struct more_node {
	uint32_t parent, token; /* token: string, of an address without a name that of its module */
	uint32_t task, stack;   /* of a slow call that was here */
	uint64_t samples, slow_ns;
	double fast_ns; /* as many calls as there are slow ones */
};

/* Of one function. */
struct more_share {
	const void *function;
	uint64_t slow, fast; /* calls */
};

struct more {
	const struct profile *profile;
	const struct more_calls *calls;
	vec(struct more_node) nodes;
	struct index index;
	uint32_t *node_of; /* by stack, + 1; 0: not known yet */
	vec(struct more_share) shares;
	struct index share_index;
};

int more_add(struct more_calls *calls, const struct more_call *call)
{
	size_t gone = calls->list.len / 2;

	if (calls->list.len >= MORE_CALLS_MAX) {
		calls->forgotten += gone;
		calls->list.len -= gone;
		memmove(calls->list.data, calls->list.data + gone,
			calls->list.len * sizeof(*calls->list.data));
	}
	return vec_push(&calls->list, *call);
}

void more_done(struct more_calls *calls)
{
	vec_done(&calls->list);
}

static int compare(uint64_t one, uint64_t other)
{
	return one < other ? -1 : one > other;
}

/* Of those that begin together the longest first. */
static int by_thread(const void *a, const void *b)
{
	const struct more_call *one = a, *other = b;

	return compare(one->tid, other->tid)
		       ?: (compare(one->began_mono_ns, other->began_mono_ns)
				   ?: compare(other->ended_mono_ns, one->ended_mono_ns));
}

/* Leaves those that are in no other. */
static void settle(struct more_calls *calls, uint64_t since_mono_ns)
{
	const struct more_call *last = NULL; /* of those kept the one that ends last */
	size_t kept = 0;

	if (calls->list.len)
		qsort(calls->list.data, calls->list.len, sizeof(*calls->list.data), by_thread);
	for (size_t i = 0; i < calls->list.len; i++) {
		struct more_call call = calls->list.data[i];
		bool is_inside =
			last && last->tid == call.tid && last->ended_mono_ns >= call.ended_mono_ns;

		if (is_inside || call.began_mono_ns < since_mono_ns)
			continue;
		calls->list.data[kept] = call;
		last = &calls->list.data[kept++];
	}
	calls->list.len = kept;
}

/* The call that a thread was in from one instant to another; NULL: none */
static const struct more_call *find_call(const struct more_calls *calls, uint32_t tid,
					 uint64_t from_mono_ns, uint64_t to_mono_ns)
{
	size_t low = 0, high = calls->list.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct more_call *one = &calls->list.data[middle];

		if (one->tid < tid || (one->tid == tid && one->began_mono_ns <= from_mono_ns))
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = 0; i < WALK_MAX && low-- > 0; i++) {
		const struct more_call *one = &calls->list.data[low];

		if (one->tid != tid)
			return NULL;
		if (one->ended_mono_ns >= to_mono_ns)
			return one;
	}
	return NULL;
}

static bool is_share(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct more *)owner)->shares.data[entry].function == key;
}

static uint32_t find_share(const struct more *more, const void *function)
{
	return index_find(&more->share_index, hash_mix(1, (uintptr_t)function), is_share, more,
			  function);
}

static int count_call(struct more *more, const struct more_call *call)
{
	uint32_t share = find_share(more, call->function);
	int err = 0;

	if (share == INDEX_NONE) {
		share = (uint32_t)more->shares.len;
		err = vec_push(&more->shares, (struct more_share){ .function = call->function });
		err = err
			      ?: index_add(&more->share_index,
					   hash_mix(1, (uintptr_t)call->function), share);
	}
	if (err)
		return err;
	if (call->is_slow)
		more->shares.data[share].slow++;
	else
		more->shares.data[share].fast++;
	return 0;
}

int more_new(const struct profile *profile, struct more_calls *calls, uint64_t since_mono_ns,
	     struct more **ret_more)
{
	own(more_freep) struct more *more = calloc(1, sizeof(*more));
	int err;

	if (!more)
		return -ENOMEM;
	more->profile = profile;
	more->calls = calls;
	settle(calls, since_mono_ns);
	more->node_of = calloc(profile->stacks.len + 1, sizeof(*more->node_of));
	err = more->node_of ? vec_push(&more->nodes, (struct more_node){ 0 }) : -ENOMEM;
	for (size_t i = 0; !err && i < calls->list.len; i++)
		err = count_call(more, &calls->list.data[i]);
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

int more_count(struct more *more, const struct moment *moment, uint64_t began_mono_ns)
{
	uint32_t tid = more->profile->tasks.data[moment->task].tid, number;
	const struct more_call *call =
		find_call(more->calls, tid, began_mono_ns, moment->at_mono_ns);
	const struct more_share *share;
	struct more_node *node;
	int err;

	if (!call)
		return 0;
	err = node_of(more, moment->stack, &number);
	if (err)
		return err;
	node = &more->nodes.data[number];
	if (!call->is_slow) {
		share = &more->shares.data[find_share(more, call->function)];
		node->fast_ns +=
			(double)moment->weight_ns * (double)share->slow / (double)share->fast;
		return 0;
	}
	node->task = moment->task;
	node->stack = moment->stack;
	node->slow_ns += moment->weight_ns;
	node->samples++;
	return 0;
}

int more_keep(const struct more *more, struct profile *profile)
{
	int err = 0;

	profile->entries.len = 0;
	index_clear(&profile->entry_index);
	profile->samples = profile->weight_ns = 0;
	for (size_t i = 0; !err && i < more->nodes.len; i++) {
		const struct more_node *node = &more->nodes.data[i];

		if (node->samples && (double)node->slow_ns > node->fast_ns)
			err = profile_count(profile, node->task, node->stack, node->samples,
					    node->slow_ns - (uint64_t)node->fast_ns);
	}
	return err;
}

void more_free(struct more *more)
{
	if (!more)
		return;
	vec_done(&more->nodes);
	vec_done(&more->shares);
	index_done(&more->index);
	index_done(&more->share_index);
	free(more->node_of);
	free(more);
}
