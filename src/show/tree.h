/* SPDX-License-Identifier: MIT */
/* tree.h - what the parts of the terminal format share; for show/ only. */
#ifndef SHOW_TREE_H
#define SHOW_TREE_H

#include "model/sink.h"
#include "report/flame.h"

#define TREE_ELLIPSIS       "\xe2\x80\xa6"
#define TREE_PREFIX_COLUMNS 30 /* the three numbers and the blanks around them */
#define TREE_NAME_COLUMNS   32 /* kept for a name, however deep it stands */

enum tree_paint {
	TREE_PLAIN,
	TREE_DIM,
	TREE_BOLD,
	TREE_HOT,
	TREE_WARM,
	TREE_KERNEL,
	TREE_JIT,
};

struct tree {
	FILE *out;
	const struct flame *flame;
	double least_pct; /* of the whole; what has less is not shown by itself */
	size_t width;     /* columns; 0: no limit */
	bool colour;
};

/* tree.c: numbers and colours */
void tree_paint(const struct tree *tree, enum tree_paint paint);
void tree_put(const struct tree *tree, enum tree_paint paint, const char *text);
enum tree_paint tree_share_paint(double pct);
enum tree_paint tree_function_paint(const struct flame_function *function);

/** tree_put_right - @text at the right edge of so many columns */
void tree_put_right(const struct tree *tree, enum tree_paint paint, size_t columns,
		    const char *text);

/** tree_put_weight - a weight as a time, or as samples where no time is known, 10 columns */
void tree_put_weight(const struct tree *tree, uint64_t weight);

/** tree_pick - the time where times are known, else the samples */
static inline uint64_t tree_pick(const struct tree *tree, uint64_t ns, uint64_t samples)
{
	return tree->flame->nodes.data[0].ns ? ns : samples;
}

/** tree_put_branches - the call tree itself.  Return: 0; -ENOMEM. */
nodiscard int tree_put_branches(const struct tree *tree);

#endif
