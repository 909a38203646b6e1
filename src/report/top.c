/* SPDX-License-Identifier: MIT */
#include "report/top.h"

#include <string.h>

#include "report/names.h"

struct walk {
	const struct flame *flame;
	struct top_row *rows; /* by function */
	uint32_t *open;       /* by function: how often it stands on the stack at hand */
};

static void enter_node(struct walk *walk, uint32_t node)
{
	const struct flame_node *at = &walk->flame->nodes.data[node];
	struct top_row *row = &walk->rows[at->function];

	row->self_samples += at->self_samples;
	row->self_ns += at->self_ns;
	if (walk->open[at->function]++ == 0) {
		row->samples += at->samples;
		row->ns += at->ns;
	}
}

static void walk_tree(struct walk *walk)
{
	const struct flame_node *nodes = walk->flame->nodes.data;
	uint32_t node = nodes[0].first_child;

	while (node) {
		enter_node(walk, node);
		if (nodes[node].first_child) {
			node = nodes[node].first_child;
			continue;
		}
		while (node) {
			walk->open[nodes[node].function]--;
			if (nodes[node].next)
				break;
			node = nodes[node].parent;
		}
		node = nodes[node].next;
	}
}

static int row_compare(const void *left, const void *right, void *context)
{
	const struct top_row *a = left, *b = right;
	const struct flame *flame = context;
	const struct profile *profile = flame->profile;
	const struct flame_function *f = &flame->functions.data[a->function],
				    *g = &flame->functions.data[b->function];

	if (a->self_ns != b->self_ns)
		return a->self_ns < b->self_ns ? 1 : -1;
	if (a->self_samples != b->self_samples)
		return a->self_samples < b->self_samples ? 1 : -1;
	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return strcmp(flame_function_text(flame, f), flame_function_text(flame, g)) ?:
		       strcmp(profile_text(profile, f->module), profile_text(profile, g->module)) ?:
			       (int)f->kind - (int)g->kind;
}

int top_build(struct top *top, const struct flame *flame)
{
	size_t count = flame->functions.len;
	own(freep) uint32_t *open = calloc(count + 1, sizeof(*open));
	struct walk walk = { flame, NULL, open };
	size_t kept = 0;
	int err;

	*top = (struct top){ 0 };
	if (!open)
		return -ENOMEM;
	err = vec_reserve(&top->rows, count);
	if (err || !count)
		return err;
	memset(top->rows.data, 0, count * sizeof(*top->rows.data));
	walk.rows = top->rows.data;
	walk_tree(&walk);
	for (size_t i = 0; i < count; i++) {
		if (flame->functions.data[i].kind == FLAME_TASK)
			continue;
		top->rows.data[i].function = (uint32_t)i;
		top->rows.data[kept++] = top->rows.data[i];
	}
	top->rows.len = kept;
	qsort_r(top->rows.data, kept, sizeof(*top->rows.data), row_compare, (void *)flame);
	return 0;
}

void top_done(struct top *top)
{
	vec_done(&top->rows);
}
