/* SPDX-License-Identifier: MIT */
/* flame.h - the call tree of a profile, merged by names: what a flame graph draws.
 *
 * A node is a function under its callers.  Frames that differ only in their address fall together,
 * an inlined function gets a node of its own.  Addresses of one module that have no name fall
 * together as "[libfoo.so+...]" (with an ellipsis; a single one keeps its number), except @by_text:
 * a picture of a hundred slivers would say less.  Node 0 is the whole profile, below it (with
 * `by_task`) one node per task name, below that the functions, root first:
 *
 *     node.ns = node.self_ns + node.cut_ns + the children's ns          (samples likewise)
 *
 * holds for every node at any time: what flame_trim() takes away is added to `cut` of the node it
 * hung from.  A parent always has a smaller number than its children.  Links are numbers, all
 * walks are loops: a stack of thousands of frames costs no C stack.
 *
 * Cost: each stack of the profile is looked at once per task name that it occurs in.
 * Not thread-safe; the profile must outlive the tree and keep still.
 */
#ifndef REPORT_FLAME_H
#define REPORT_FLAME_H

#include "model/profile.h"
#include "report/keys.h"

/* A function's kind is an enum frame_kind, or this one for a node that stands for a task name. */
#define FLAME_TASK FRAME_COUNT

struct flame_function {
	uint32_t name;   /* string; 0 stands for UNKNOWN_NAME */
	uint32_t module; /* string, 0 if none */
	uint32_t source; /* string: where the function was first met, 0 if unknown */
	uint8_t kind;
	bool is_many; /* stands for several addresses; `name` is the first one's */
	char *text;   /* what those are called; else NULL */
};

struct flame_node {
	uint32_t parent;
	uint32_t first_child; /* 0: none */
	uint32_t next;        /* sibling; 0: none */
	uint32_t function;    /* meaningless in node 0 */
	uint64_t samples, ns; /* with everything below */
	uint64_t self_samples, self_ns;
	uint64_t cut_samples, cut_ns; /* of children that flame_trim() took away */
	uint32_t cut_nodes;           /* how many nodes those were, with all below them */
	uint32_t cut_children;
	uint32_t depth;  /* node 0: 0 */
	bool is_inlined; /* wherever it occurs here */
	uint16_t few;    /* for building only: children that are found in their list */
};

struct flame {
	const struct profile *profile;
	vec(struct flame_node) nodes;
	vec(struct flame_function) functions;
	uint32_t depth; /* of the deepest node */
	bool by_task;
	bool by_text;

	/* For building only. */
	struct keys function_keys;
	struct index node_index;
	uint32_t *name_functions; /* by number of a profile's name: function + 1 */
};

enum flame_order {
	FLAME_BY_WEIGHT, /* heaviest first, equal ones by name */
	FLAME_BY_NAME,   /* bytes of the names */
};

/**
 * flame_build - the tree of a whole profile, children in no useful order
 * @by_task: put a level of task names under the root
 * @by_text: functions of one name are one, whatever their modules, for formats that show only
 *           names; kernel functions stay apart
 *
 * Return: 0; -ENOMEM.  Either way flame_done() releases.
 */
nodiscard int flame_build(struct flame *flame, const struct profile *profile, bool by_task,
			  bool by_text);
void flame_done(struct flame *flame);

void flame_sort(struct flame *flame, enum flame_order order);

/**
 * flame_trim - take away every node with less than a share of the whole
 * @min_share_pct: percent of the root's time (of its samples where no time is known)
 */
void flame_trim(struct flame *flame, double min_share_pct);

/** flame_next - the node after this one, depth first, parents first; 0 at the end */
uint32_t flame_next(const struct flame *flame, uint32_t node);

/** flame_function_text - what a function is called; never empty */
const char *flame_function_text(const struct flame *flame, const struct flame_function *function);

/** flame_text - what a node is called; never empty */
const char *flame_text(const struct flame *flame, uint32_t node);

/* What a node weighs in pictures and percentages. */
static inline uint64_t flame_weight(const struct flame *flame, uint32_t node)
{
	const struct flame_node *at = &flame->nodes.data[node];

	return flame->nodes.data[0].ns ? at->ns : at->samples;
}

/** flame_share_pct - a weight in percent of the whole */
static inline double flame_share_pct(const struct flame *flame, uint64_t weight)
{
	uint64_t whole = flame_weight(flame, 0);

	return whole ? 100.0 * (double)weight / (double)whole : 0;
}

#endif
