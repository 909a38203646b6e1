/* SPDX-License-Identifier: MIT */
/* branches.c - the call tree of the terminal format, one chain of calls a line.
 *
 * A chain of only children shares a line as long as what leaves it on the way (own time, callees
 * too small to show) stays below the smallest share that is shown.  TOTAL and TIME are those of its
 * first function, SELF that of its last.  What is too small hangs from its caller as "... 12 more",
 * or, where all of that is too small for a line, stands behind the chain with what left it on the
 * way: "(0.4 % other)".  So the TOTAL of a line is its SELF, its other, and the TOTALs below it.
 *
 * A function that calls itself stands once, with the length of the chain: "walk x12" (with a real
 * multiplication sign).  A chain too long for the line keeps its beginning and its end and says how
 * many went; where little room is left, only its end.  A level too deep for the line keeps its
 * innermost guides and says how many levels stand left of them.
 */
#include <string.h>

#include "report/names.h"
#include "show/format.h"
#include "show/tree.h"

#define ARROW           " \xe2\x86\x92 "
#define ARROW_COLUMNS   3
#define GUIDE_COLUMNS   3
#define LEAST_GUIDES    3
#define LEAST_COLUMNS   13   /* of a line or a name, whatever the terminal */
#define LEAST_OTHER_PCT 0.05 /* less would read 0.0 % */
#define SKIP_COLUMNS    11   /* "... 99 more" and an arrow; a longer number is rare */

/* The line that another one hangs from. */
struct level {
	uint32_t head;
	bool is_last; /* no line follows at its level */
};

struct branches {
	const struct tree *tree;
	vec(struct level) levels; /* [0]: a task name */
};

/* One function on a line. */
struct word {
	uint32_t node;
	uint32_t last; /* of the calls to itself; `node` if it makes none */
	char *name;
	char *note; /* behind the name: "(inlined)", the module; may be "" */
	size_t columns;
};

/* The functions of a line: a beginning, a gap of `skipped`, the last one. */
struct line {
	vec(struct word) words;
	uint32_t skipped; /* before the last word */
	bool is_tight;    /* no room for that number */
};

static void line_clear(struct line *line)
{
	vec_each(word, &line->words) {
		free(word->name);
		free(word->note);
	}
	line->words.len = 0;
	line->skipped = 0;
}

static void line_done(struct line *line)
{
	line_clear(line);
	vec_done(&line->words);
}

static const struct flame_node *node_of(const struct branches *branches, uint32_t node)
{
	return &branches->tree->flame->nodes.data[node];
}

static const struct flame_function *function_of(const struct branches *branches, uint32_t node)
{
	return &branches->tree->flame->functions.data[node_of(branches, node)->function];
}

/* The last function of the chain that begins at `head`. */
static uint32_t chain_end(const struct branches *branches, uint32_t head)
{
	const struct flame *flame = branches->tree->flame;
	uint64_t whole = flame_weight(flame, head);
	uint32_t node = head;

	if (function_of(branches, head)->kind == FLAME_TASK)
		return head;
	for (;;) {
		uint32_t child = node_of(branches, node)->first_child;

		if (!child || node_of(branches, child)->next)
			return node;
		if (flame_share_pct(flame, whole - flame_weight(flame, child)) >
		    branches->tree->least_pct)
			return node;
		node = child;
	}
}

/* The last of the nodes from here to the tail that are calls of one function to itself. */
static uint32_t run_end(const struct branches *branches, uint32_t node, uint32_t tail)
{
	while (node != tail) {
		uint32_t child = node_of(branches, node)->first_child;

		if (node_of(branches, child)->function != node_of(branches, node)->function)
			break;
		node = child;
	}
	return node;
}

/* "(inlined)", the module where it is another than `before`'s, both, or nothing. */
static int make_note(const struct branches *branches, uint32_t node, uint32_t before,
		     char **ret_note)
{
	const struct flame *flame = branches->tree->flame;
	const struct flame_function *function = function_of(branches, node);
	const char *inlined = node_of(branches, node)->is_inlined ? "inlined" : "";
	const char *module = profile_text(flame->profile, function->module);
	own(freep) char *safe = NULL;
	int err;

	if (flame_text(flame, node)[0] == '[' ||
	    (before && function_of(branches, before)->module == function->module))
		module = "";
	err = format_label(module, 0, &safe);
	if (err)
		return err;
	if (!*inlined && !*safe)
		return (*ret_note = strdup("")) ? 0 : -ENOMEM;
	if (!*inlined && *safe == '[')
		return asprintf(ret_note, " %s", safe) < 0 ? -ENOMEM : 0;
	return asprintf(ret_note, " (%s%s%s)", inlined, *inlined && *safe ? ", " : "", safe) < 0
		       ? -ENOMEM
		       : 0;
}

/* The name, and how often in a row. @max: columns for both; 0: any */
static int make_text(const struct branches *branches, const struct word *word, size_t max,
		     char **ret_text)
{
	uint32_t times =
		node_of(branches, word->last)->depth - node_of(branches, word->node)->depth + 1;
	own(freep) char *label = NULL;
	char suffix[48] = "";
	size_t columns;
	int err;

	if (times > 1)
		snprintf(suffix, sizeof(suffix), " \xc3\x97%s", format_count(times).text);
	columns = format_columns(suffix);
	if (max)
		max = max > columns + 1 ? max - columns : 1;
	err = format_label(flame_text(branches->tree->flame, word->node), max, &label);
	if (err)
		return err;
	return asprintf(ret_text, "%s%s", label, suffix) < 0 ? -ENOMEM : 0;
}

/* Adds a function, and its calls to itself, to the line. @max: columns for it; 0: any */
static int add_word(const struct branches *branches, struct line *line, uint32_t node,
		    uint32_t tail, size_t max)
{
	uint32_t before = line->words.len ? line->words.data[line->words.len - 1].node
					  : node_of(branches, node)->parent;
	struct word word = { .node = node, .last = run_end(branches, node, tail) };
	size_t note_columns;
	int err;

	if (before && function_of(branches, before)->kind == FLAME_TASK)
		before = 0;
	err = make_note(branches, node, before, &word.note);
	if (err)
		return err;
	note_columns = format_columns(word.note);
	if (max && note_columns && note_columns + LEAST_COLUMNS > max) {
		word.note[0] = '\0'; /* the name goes first */
		note_columns = 0;
	}
	if (max)
		max -= note_columns;
	err = make_text(branches, &word, max, &word.name);
	word.columns = err ? 0 : format_columns(word.name) + note_columns;
	err = err ?: vec_push(&line->words, word);
	if (err) {
		free(word.name);
		free(word.note);
	}
	return err;
}

static void drop_word(struct line *line)
{
	struct word *word = &line->words.data[--line->words.len];

	free(word->name);
	free(word->note);
}

static uint32_t after(const struct branches *branches, const struct line *line)
{
	return node_of(branches, line->words.data[line->words.len - 1].last)->first_child;
}

static size_t last_columns(const struct line *line)
{
	return line->words.data[line->words.len - 1].columns;
}

/* With the arrows, and the number of functions left out. */
static size_t line_columns(const struct line *line)
{
	size_t columns = (line->words.len - 1) * ARROW_COLUMNS;

	vec_each(word, &line->words)
		columns += word->columns;
	if (line->skipped)
		columns += SKIP_COLUMNS + ARROW_COLUMNS;
	return columns;
}

static uint32_t count_between(const struct branches *branches, uint32_t node, uint32_t tail)
{
	uint32_t count = 0;

	for (; node != tail; node = node_of(branches, node)->first_child)
		count++;
	return count;
}

/* As many functions as fit from the beginning on; the first may be shortened.  0 with *ret_next: the
 * first that found no room.
 */
static int fill_beginning(const struct branches *branches, struct line *line, uint32_t head,
			  uint32_t tail, size_t room, uint32_t *ret_next)
{
	uint32_t node = head;
	size_t used = 0;

	while (node != tail) {
		int err = add_word(branches, line, node, tail, node == head ? room : 0);

		if (err)
			return err;
		used += last_columns(line) + ARROW_COLUMNS;
		if ((used > room + ARROW_COLUMNS && node != head) ||
		    line->words.data[line->words.len - 1].last == tail) {
			drop_word(line);
			break;
		}
		node = after(branches, line);
	}
	*ret_next = node;
	return 0;
}

/* A beginning, the number of functions left out, and the last one: it is what the reader looks for,
 * so its room goes first; where little is left the beginning goes as well.
 */
static int fill_both_ends(const struct branches *branches, struct line *line, uint32_t head,
			  uint32_t tail, size_t room)
{
	const size_t gap = SKIP_COLUMNS + 2 * ARROW_COLUMNS;
	size_t most = room > 2 * LEAST_COLUMNS + gap ? (room - gap + 1) / 2 : room;
	size_t used;
	int err;

	line->is_tight = room < SKIP_COLUMNS + ARROW_COLUMNS + LEAST_COLUMNS;
	if (line->is_tight)
		most = room > LEAST_COLUMNS + 1 + ARROW_COLUMNS ? room - 1 - ARROW_COLUMNS
								: LEAST_COLUMNS;
	else if (most == room)
		most = room - SKIP_COLUMNS - ARROW_COLUMNS;
	err = add_word(branches, line, tail, tail, most);
	if (err)
		return err;
	used = last_columns(line) + gap;
	line_clear(line);
	if (room >= used + LEAST_COLUMNS)
		err = fill_beginning(branches, line, head, tail, room - used, &head);
	while (!err) {
		line->skipped = count_between(branches, head, tail);
		err = add_word(branches, line, tail, tail, most);
		if (err || line->words.len == 1 || line_columns(line) <= room)
			break;
		/* Behind another function the last one's module is told, and took too much. */
		drop_word(line);
		head = line->words.data[line->words.len - 1].node;
		drop_word(line);
	}
	return err;
}

/* The functions from head to tail, as many as `room` columns hold. */
static int fill_line(const struct branches *branches, struct line *line, uint32_t head,
		     uint32_t tail, size_t room)
{
	size_t used = 0;
	uint32_t node = head;

	for (;;) {
		int err = add_word(branches, line, node, tail, 0);

		if (err)
			return err;
		used += last_columns(line);
		if (room && used > room)
			break;
		if (line->words.data[line->words.len - 1].last == tail)
			return 0;
		used += ARROW_COLUMNS;
		node = after(branches, line);
	}
	if (run_end(branches, head, tail) == tail) {
		line_clear(line);
		return add_word(branches, line, head, tail, room);
	}
	line_clear(line);
	return fill_both_ends(branches, line, head, tail, room);
}

static void put_words(const struct branches *branches, const struct line *line)
{
	const struct tree *tree = branches->tree;

	for (size_t i = 0; i < line->words.len; i++) {
		const struct word *word = &line->words.data[i];

		if (i > 0)
			tree_put(tree, TREE_DIM, ARROW);
		if (i + 1 == line->words.len && line->skipped) {
			tree_paint(tree, TREE_DIM);
			if (line->is_tight)
				fputs(TREE_ELLIPSIS ARROW, tree->out);
			else
				fprintf(tree->out, TREE_ELLIPSIS " %s more" ARROW,
					format_count(line->skipped).text);
			tree_paint(tree, TREE_PLAIN);
		}
		tree_put(tree, tree_function_paint(function_of(branches, word->node)), word->name);
		tree_put(tree, TREE_DIM, word->note);
	}
}

static size_t guides_shown(const struct branches *branches)
{
	size_t levels = branches->levels.len, most;

	if (!branches->tree->width)
		return levels;
	most = branches->tree->width > TREE_PREFIX_COLUMNS + TREE_NAME_COLUMNS
		       ? (branches->tree->width - TREE_PREFIX_COLUMNS - TREE_NAME_COLUMNS) /
				 GUIDE_COLUMNS
		       : 0;
	most = most < LEAST_GUIDES ? LEAST_GUIDES : most;
	return levels < most ? levels : most;
}

/* The guides left of a line, and how many columns they take. */
static size_t put_guides(const struct branches *branches, bool is_last)
{
	const struct tree *tree = branches->tree;
	size_t levels = branches->levels.len, shown = guides_shown(branches), columns = 0;

	if (!levels)
		return 0;
	tree_paint(tree, TREE_DIM);
	if (shown < levels) {
		/* Room for two guides goes to the number of levels that stand left of here. */
		shown -= 2;
		columns = 2 * GUIDE_COLUMNS;
		fprintf(tree->out, TREE_ELLIPSIS "%-5zu", levels - shown);
	}
	for (size_t i = levels - shown + 1; i < levels; i++)
		fputs(branches->levels.data[i].is_last ? "   " : "\xe2\x94\x82  ", tree->out);
	fputs(is_last ? "\xe2\x94\x94\xe2\x94\x80 " : "\xe2\x94\x9c\xe2\x94\x80 ", tree->out);
	tree_paint(tree, TREE_PLAIN);
	return columns + shown * GUIDE_COLUMNS;
}

static void put_numbers(const struct tree *tree, uint64_t total, uint64_t self)
{
	double total_pct = flame_share_pct(tree->flame, total),
	       self_pct = flame_share_pct(tree->flame, self);

	tree_put_right(tree, tree_share_paint(total_pct), 8, format_pct(total_pct).text);
	tree_put_weight(tree, total);
	tree_put_right(tree, tree_share_paint(self_pct), 9, self ? format_pct(self_pct).text : "");
	fputs("   ", tree->out);
}

static uint64_t cut_weight(const struct branches *branches, uint32_t node)
{
	const struct flame_node *at = node_of(branches, node);

	return tree_pick(branches->tree, at->cut_ns, at->cut_samples);
}

/* Whether what was trimmed below the end of a chain gets a line. */
static bool has_cut_line(const struct branches *branches, uint32_t head, uint32_t tail)
{
	const struct flame *flame = branches->tree->flame;
	uint64_t other =
		flame_weight(flame, head) - flame_weight(flame, tail) + cut_weight(branches, tail);

	return node_of(branches, tail)->cut_children &&
	       (!tail || flame_share_pct(flame, other) >= branches->tree->least_pct);
}

/* The chain that the next line hangs from; 0: the root. */
static uint32_t enclosing_head(const struct branches *branches)
{
	size_t len = branches->levels.len;

	return len ? branches->levels.data[len - 1].head : 0;
}

static int put_chain(const struct branches *branches, uint32_t head, uint32_t tail, bool is_last)
{
	const struct tree *tree = branches->tree;
	const struct flame_node *end = node_of(branches, tail);
	uint64_t other = flame_weight(tree->flame, head) - flame_weight(tree->flame, tail) +
			 (has_cut_line(branches, head, tail) ? 0 : cut_weight(branches, tail));
	own(line_done) struct line line = { 0 };
	char note[48] = "";
	size_t used, room = 0;
	int err;

	put_numbers(tree, flame_weight(tree->flame, head),
		    tree_pick(tree, end->self_ns, end->self_samples));
	used = put_guides(branches, is_last) + TREE_PREFIX_COLUMNS;
	if (flame_share_pct(tree->flame, other) >= LEAST_OTHER_PCT)
		snprintf(note, sizeof(note), "  (%s other)",
			 format_pct(flame_share_pct(tree->flame, other)).text);
	used += strlen(note);
	if (tree->width)
		room = tree->width > used + LEAST_COLUMNS ? tree->width - used : LEAST_COLUMNS;
	err = fill_line(branches, &line, head, tail, room);
	if (err)
		return err;
	put_words(branches, &line);
	tree_put(tree, TREE_DIM, note);
	putc('\n', tree->out);
	return 0;
}

/* What was too small to show by itself, as the last line below its caller. */
static void put_cut(const struct branches *branches, uint32_t node)
{
	const struct tree *tree = branches->tree;

	if (!has_cut_line(branches, enclosing_head(branches), node))
		return;
	put_numbers(tree, cut_weight(branches, node), 0);
	put_guides(branches, true);
	tree_paint(tree, TREE_DIM);
	fprintf(tree->out, TREE_ELLIPSIS " %s more\n",
		format_count(node_of(branches, node)->cut_children).text);
	tree_paint(tree, TREE_PLAIN);
}

/* The line of one chain; 0 or the first function that hangs from it.  Pushes the line as a level. */
static int put_branch(struct branches *branches, uint32_t head, uint32_t *ret_below)
{
	const struct flame_node *at = node_of(branches, head);
	bool is_last = !at->next && !has_cut_line(branches, enclosing_head(branches), at->parent);
	uint32_t tail = chain_end(branches, head);
	int err = put_chain(branches, head, tail, is_last);

	err = err ?: vec_push(&branches->levels, { head, is_last });
	if (err)
		return err;
	*ret_below = node_of(branches, tail)->first_child;
	if (!*ret_below)
		put_cut(branches, tail);
	return 0;
}

int tree_put_branches(const struct tree *tree)
{
	struct branches branches = { .tree = tree };
	uint32_t node = tree->flame->nodes.data[0].first_child;
	int err = 0;

	if (!node)
		put_cut(&branches, 0);
	while (node) {
		uint32_t below;

		err = put_branch(&branches, node, &below);
		if (err)
			break;
		if (below) {
			node = below;
			continue;
		}
		for (;;) {
			node = branches.levels.data[--branches.levels.len].head;
			if (node_of(&branches, node)->next || !node_of(&branches, node)->parent)
				break;
			put_cut(&branches, node_of(&branches, node)->parent);
		}
		node = node_of(&branches, node)->next;
		if (!node)
			put_cut(&branches, 0);
	}
	vec_done(&branches.levels);
	return err;
}
