/* SPDX-License-Identifier: MIT */
/* tree.c - the profile as a person reads it on a terminal.
 *
 *     pid 4242 (nginx)
 *     10.0 s at 99 Hz on 4 CPUs, 3,960 samples, 39.6 s of CPU time
 *     bpf, timer tick; nothing lost
 *     not measured: user stacks of 2 tasks that keep no frame pointer
 *
 *     HOTTEST FUNCTIONS
 *        SELF      TIME    TOTAL
 *      23.4 %    9.27 s   40.1 %   ====     malloc  libc.so.6
 *     ...
 *      45.0 %    17.8 s                     ... 312 more
 *
 *     CALL TREE
 *       TOTAL      TIME     SELF
 *       100 %    39.6 s            nginx
 *      80.1 %    31.7 s    0.3 %   |- main > ngx_master_process_cycle > ngx_worker_process_cycle
 *
 * The self times of the first table, and its last line, add up to 100 %.  For the second part see
 * branches.c.
 */
#include "show/tree.h"

#include <string.h>

#include "base/text.h"
#include "report/names.h"
#include "report/top.h"
#include "show/format.h"
#include "show/sinks.h"

#define TOP_ROWS      10
#define BAR_COLUMNS   8
#define LEAST_COLUMNS 60 /* on a narrower terminal lines wrap */

void tree_paint(const struct tree *tree, enum tree_paint paint)
{
	static const char *const codes[] = { "0", "2", "1", "1;31", "33", "36", "32" };

	if (tree->colour)
		fprintf(tree->out, "\x1b[%sm", codes[paint]);
}

void tree_put(const struct tree *tree, enum tree_paint paint, const char *text)
{
	if (paint != TREE_PLAIN)
		tree_paint(tree, paint);
	fputs(text, tree->out);
	if (paint != TREE_PLAIN)
		tree_paint(tree, TREE_PLAIN);
}

void tree_put_right(const struct tree *tree, enum tree_paint paint, size_t columns,
		    const char *text)
{
	size_t have = format_columns(text);

	fprintf(tree->out, "%*s", (int)(have < columns ? columns - have : 0), "");
	tree_put(tree, paint, text);
}

void tree_put_weight(const struct tree *tree, uint64_t weight)
{
	bool is_time = tree->flame->nodes.data[0].ns > 0;

	tree_put_right(tree, TREE_PLAIN, 10,
		       is_time ? format_ns(weight).text : format_count(weight).text);
}

enum tree_paint tree_share_paint(double pct)
{
	return pct >= 20 ? TREE_HOT : pct >= 5 ? TREE_WARM : TREE_PLAIN;
}

enum tree_paint tree_function_paint(const struct flame_function *function)
{
	switch (function->kind) {
	case FLAME_TASK:
		return TREE_BOLD;
	case FRAME_USER:
		return TREE_PLAIN;
	case FRAME_KERNEL:
		return TREE_KERNEL;
	case FRAME_JIT:
		return TREE_JIT;
	default:
		return TREE_DIM;
	}
}

/* One thing a line, in the order of the coverage: what hides most comes first. */
static int put_not_measured(const struct tree *tree)
{
	const struct coverage *coverage = &tree->flame->profile->coverage;
	const char *before = coverage->not_measured.len > 1 ? "  - " : "not measured: ";

	if (coverage->not_measured.len > 1)
		fputs("not measured:\n", tree->out);
	vec_each(what, &coverage->not_measured) {
		int err;

		fputs(before, tree->out);
		err = format_wrapped(tree->out, *what, strlen(before), tree->width);
		if (err)
			return err;
		putc('\n', tree->out);
	}
	return 0;
}

static int put_lost(const struct tree *tree)
{
	own(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return -ENOMEM;
	format_lost(out, tree->flame->profile, text_put_plain);
	if (fclose(out) != 0)
		return -ENOMEM;
	tree_paint(tree, TREE_HOT);
	err = format_wrapped(tree->out, text, 0, tree->width);
	tree_paint(tree, TREE_PLAIN);
	return err;
}

static int put_header(const struct tree *tree, const struct sink_options *options)
{
	const struct profile *profile = tree->flame->profile;
	bool is_lossy = coverage_lost(&profile->coverage) > 0;
	int err = 0;

	if (options->title) {
		tree_paint(tree, TREE_BOLD);
		text_put_plain(tree->out, options->title);
		tree_paint(tree, TREE_PLAIN);
		putc('\n', tree->out);
	}
	format_headline(tree->out, profile);
	putc('\n', tree->out);
	format_mode(tree->out, profile, text_put_plain);
	if (profile->coverage.mode)
		fputs(is_lossy ? "\n" : "; ", tree->out);
	if (is_lossy)
		err = put_lost(tree);
	else
		format_lost(tree->out, profile, text_put_plain);
	putc('\n', tree->out);
	return err ?: put_not_measured(tree);
}

/* A bar in eighths of a column; 100 % fills it, so that bars of two profiles compare. */
static void put_bar(const struct tree *tree, double pct)
{
	unsigned eighths = (unsigned)(pct / 100 * BAR_COLUMNS * 8 + 0.5);
	unsigned columns = (eighths + 7) / 8;

	tree_paint(tree, tree_share_paint(pct));
	for (unsigned i = 0; i < eighths / 8; i++)
		fputs("\xe2\x96\x88", tree->out); /* U+2588, a full block */
	if (eighths % 8)                          /* U+258F is one eighth, U+2589 seven */
		fprintf(tree->out, "\xe2\x96%c", (char)(0x90 - (int)(eighths % 8)));
	tree_paint(tree, TREE_PLAIN);
	fprintf(tree->out, "%*s", BAR_COLUMNS - (int)columns, "");
}

static int put_top_row(const struct tree *tree, const struct top_row *row)
{
	const struct flame *flame = tree->flame;
	const struct flame_function *function = &flame->functions.data[row->function];
	const char *module = profile_text(flame->profile, function->module);
	uint64_t self = tree_pick(tree, row->self_ns, row->self_samples);
	double self_pct = flame_share_pct(flame, self);
	size_t used = TREE_PREFIX_COLUMNS + BAR_COLUMNS + 1 + 2 + text_columns(module), room = 0;
	own(freep) char *label = NULL;
	int err;

	if (tree->width)
		room = tree->width > used + TREE_NAME_COLUMNS ? tree->width - used
							      : TREE_NAME_COLUMNS;
	err = format_label(flame_function_text(flame, function), room, &label);
	if (err)
		return err;
	tree_put_right(tree, tree_share_paint(self_pct), 8, format_pct(self_pct).text);
	tree_put_weight(tree, self);
	tree_put_right(
		tree, TREE_PLAIN, 9,
		format_pct(flame_share_pct(flame, tree_pick(tree, row->ns, row->samples))).text);
	fputs("   ", tree->out);
	put_bar(tree, self_pct);
	putc(' ', tree->out);
	tree_put(tree, tree_function_paint(function), label);
	if (*module) {
		fputs("  ", tree->out);
		tree_paint(tree, TREE_DIM);
		text_put_plain(tree->out, module);
		tree_paint(tree, TREE_PLAIN);
	}
	putc('\n', tree->out);
	return 0;
}

static void put_top_rest(const struct tree *tree, uint64_t rest, size_t functions)
{
	tree_put_right(tree, TREE_PLAIN, 8, format_pct(flame_share_pct(tree->flame, rest)).text);
	tree_put_weight(tree, rest);
	fprintf(tree->out, "%*s", TREE_PREFIX_COLUMNS - 18 + BAR_COLUMNS + 1, "");
	tree_paint(tree, TREE_DIM);
	fprintf(tree->out, TREE_ELLIPSIS " %s more", format_count(functions).text);
	tree_paint(tree, TREE_PLAIN);
	putc('\n', tree->out);
}

static int put_top(const struct tree *tree)
{
	uint64_t rest = flame_weight(tree->flame, 0);
	size_t shown = 0, count = 0;
	struct top top;
	int err = top_build(&top, tree->flame);

	vec_each(row, &top.rows)
		count += row->self_samples > 0;
	tree_put(tree, TREE_BOLD, "\nHOTTEST FUNCTIONS\n");
	tree_put(tree, TREE_DIM, "    SELF      TIME    TOTAL\n");
	for (; shown < count && shown < TOP_ROWS && !err; shown++) {
		const struct top_row *row = &top.rows.data[shown];

		err = put_top_row(tree, row);
		rest -= tree_pick(tree, row->self_ns, row->self_samples);
	}
	if (!err && shown < count)
		put_top_rest(tree, rest, count - shown);
	top_done(&top);
	return err;
}

static int put_tree(const struct tree *tree, struct flame *flame,
		    const struct sink_options *options)
{
	int err = put_header(tree, options);

	if (err)
		return err;
	if (!flame->profile->samples) {
		fputs("\nno samples: nothing was there to be measured\n", tree->out);
		return 0;
	}
	err = put_top(tree);
	if (err)
		return err;
	flame_trim(flame, tree->least_pct);
	flame_sort(flame, FLAME_BY_WEIGHT);
	tree_put(tree, TREE_BOLD, "\nCALL TREE\n");
	tree_put(tree, TREE_DIM, "   TOTAL      TIME     SELF\n");
	return tree_put_branches(tree);
}

/* The same by way of memory, where only ASCII may come out. */
static int put_ascii_tree(struct tree *tree, struct flame *flame,
			  const struct sink_options *options)
{
	own(freep) char *text = NULL;
	FILE *out = tree->out;
	size_t len;
	int err;

	tree->out = open_memstream(&text, &len);
	if (!tree->out)
		return -ENOMEM;
	err = put_tree(tree, flame, options);
	if (fclose(tree->out) != 0)
		err = -ENOMEM;
	if (!err)
		format_put_ascii(out, text);
	return err;
}

static int tree_end(struct sink_target *target)
{
	const struct sink_options *options = &target->options;
	struct flame flame;
	struct tree tree = {
		.out = target->out,
		.flame = &flame,
		.least_pct = options->min_share_pct,
		.width = options->width && options->width < LEAST_COLUMNS ? LEAST_COLUMNS
									  : options->width,
		.colour = options->colour,
	};
	int err = flame_build(&flame, target->profile, true, false);

	if (!err)
		err = options->ascii ? put_ascii_tree(&tree, &flame, options)
				     : put_tree(&tree, &flame, options);
	flame_done(&flame);
	return err;
}

const struct sink show_tree = {
	.name = "tree",
	.help = "hottest functions and call tree, to read on a terminal",
	.suffix = "txt",
	.end = tree_end,
};
