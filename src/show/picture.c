/* SPDX-License-Identifier: MIT */
#include "show/picture.h"

#include <string.h>

#include "base/text.h"
#include "show/format.h"

#define LEAST_WIDTH 1.0  /* pixels; narrower frames share bars */
#define BAR_LEAST   0.3  /* pixels; narrower bars are not seen */
#define RUN_WIDTH   16.0 /* pixels; a bar of small functions is at most about so wide */
#define CHAR_WIDTH  7.23 /* pixels, of the widest common monospace font at 12 px */
#define LEAST_CHARS 3
#define USER_HUES   8
#define KERNEL_HUES 4
#define JIT_HUES    4
#define ROOT_LABEL  "all"

/* Weights of small functions by level below their caller, until a bar is wide enough. */
struct run {
	vec(uint64_t) weights;
	double left;
	uint64_t nodes;
};

struct drawing {
	struct picture *picture;
	double *lefts; /* by node, pixels */
	struct run run;
};

struct picture_class picture_class(const struct flame *flame, const struct flame_function *function)
{
	static const struct {
		char letter;
		unsigned hues;
	} kinds[] = {
		[FRAME_USER] = { 'u', USER_HUES }, [FRAME_KERNEL] = { 'k', KERNEL_HUES },
		[FRAME_JIT] = { 'j', JIT_HUES },   [FRAME_UNKNOWN] = { 'n', 0 },
		[FRAME_MARK] = { 'm', 0 },         [FLAME_TASK] = { 't', 0 },
	};
	const char *module = profile_text(flame->profile, function->module);
	uint64_t hash = hash_bytes(module, strlen(module), 0) >> 16;
	struct picture_class class;

	class.name[0] = kinds[function->kind].letter;
	class.name[1] = '\0';
	if (kinds[function->kind].hues) {
		class.name[1] = (char)('0' + hash % kinds[function->kind].hues);
		class.name[2] = '\0';
	}
	return class;
}

static double scale(const struct picture *picture)
{
	uint64_t whole = flame_weight(picture->flame, 0);

	return whole ? picture->width / (double)whole : 0;
}

static unsigned row_top(const struct picture *picture, uint32_t depth)
{
	return picture->top + depth * PICTURE_ROW;
}

/* Frames leave a gap of a pixel to their right, except where they would vanish. */
static void put_rect(const struct picture *picture, const char *class, double left, double width,
		     uint32_t depth)
{
	fprintf(picture->out,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" rx=\"1.5\">",
		class, left, row_top(picture, depth), width > 3 ? width - 1 : width,
		PICTURE_ROW - 1);
}

static int put_label(const struct picture *picture, const char *name, double left, double width,
		     uint32_t depth)
{
	int room = (int)((width - 7) / CHAR_WIDTH);
	own(freep) char *label = NULL;
	int err;

	if (room < LEAST_CHARS)
		return 0;
	err = format_label(name, (size_t)room, &label);
	if (err)
		return err;
	/* An svg of its own cuts what a wider font would let stand out. */
	fprintf(picture->out,
		"<svg x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\"><text x=\"3\" y=\"13\">",
		left, row_top(picture, depth), width - 1, PICTURE_ROW - 1);
	text_put_xml(picture->out, label);
	fputs("</text></svg>", picture->out);
	return 0;
}

/* A frame; its <title> is all the detail there is where no script runs. */
static int put_frame(const struct picture *picture, uint32_t node, double left)
{
	const struct flame *flame = picture->flame;
	const struct flame_node *at = &flame->nodes.data[node];
	const struct flame_function *function = &flame->functions.data[at->function];
	double width = (double)flame_weight(flame, node) * scale(picture);
	const char *name = node ? flame_text(flame, node) : ROOT_LABEL;
	int err;

	fprintf(picture->out, "<g class=\"f%s\">", at->is_inlined && node ? " i" : "");
	put_rect(picture, node ? picture_class(flame, function).name : "r", left, width, at->depth);
	fputs("<title>", picture->out);
	text_put_xml(picture->out, name);
	if (node && function->module) {
		fputs(", ", picture->out);
		text_put_xml(picture->out, profile_text(flame->profile, function->module));
	}
	fprintf(picture->out, ": %s, %s samples</title></rect>",
		format_pct(flame_share_pct(flame, flame_weight(flame, node))).text,
		format_count(at->samples).text);
	err = put_label(picture, name, left, width, at->depth);
	fputs("</g>\n", picture->out);
	return err;
}

/* Writes the bars of a run; `depth` is that of its first level. */
static void flush_run(struct drawing *drawing, uint32_t depth)
{
	struct picture *picture = drawing->picture;
	struct run *run = &drawing->run;

	for (size_t i = 0; i < run->weights.len; i++) {
		double width = (double)run->weights.data[i] * scale(picture);

		if (width < BAR_LEAST)
			continue;
		put_rect(picture, "x", run->left, width, depth + (uint32_t)i);
		fputs("</rect>\n", picture->out);
	}
	if (run->weights.len)
		run->left += (double)run->weights.data[0] * scale(picture);
	picture->small += run->nodes;
	run->weights.len = 0;
	run->nodes = 0;
}

static int add_weight(struct run *run, size_t level, uint64_t weight)
{
	while (run->weights.len <= level) {
		int err = vec_push(&run->weights, 0);

		if (err)
			return err;
	}
	run->weights.data[level] += weight;
	return 0;
}

/* Adds a small function and all that hangs from it to the run. */
static int add_small(struct drawing *drawing, uint32_t top)
{
	const struct flame *flame = drawing->picture->flame;
	const struct flame_node *nodes = flame->nodes.data;
	uint32_t node = top;

	for (;;) {
		size_t level = nodes[node].depth - nodes[top].depth;
		uint64_t cut = nodes[0].ns ? nodes[node].cut_ns : nodes[node].cut_samples;
		int err = add_weight(&drawing->run, level, flame_weight(flame, node));

		if (cut)
			err = err ?: add_weight(&drawing->run, level + 1, cut);
		if (err)
			return err;
		drawing->run.nodes++;
		if (nodes[node].first_child) {
			node = nodes[node].first_child;
			continue;
		}
		while (node != top && !nodes[node].next)
			node = nodes[node].parent;
		if (node == top)
			return 0;
		node = nodes[node].next;
	}
}

/* Places the children of a frame: wide ones get their left edge, the others share bars. */
static int place_children(struct drawing *drawing, uint32_t parent)
{
	struct picture *picture = drawing->picture;
	const struct flame *flame = picture->flame;
	const struct flame_node *at = &flame->nodes.data[parent];
	uint64_t cut = flame->nodes.data[0].ns ? at->cut_ns : at->cut_samples;
	double left = drawing->lefts[parent];
	uint32_t child = at->first_child;

	for (; child; child = flame->nodes.data[child].next) {
		double width = (double)flame_weight(flame, child) * scale(picture);

		if (width < LEAST_WIDTH)
			break; /* and so are all that follow */
		drawing->lefts[child] = left;
		left += width;
	}
	drawing->run.left = left;
	for (; child; child = flame->nodes.data[child].next) {
		int err = add_small(drawing, child);

		if (err)
			return err;
		if ((double)drawing->run.weights.data[0] * scale(picture) >= RUN_WIDTH)
			flush_run(drawing, at->depth + 1);
	}
	flush_run(drawing, at->depth + 1);
	if (!cut)
		return 0;
	if (add_weight(&drawing->run, 0, cut))
		return -ENOMEM;
	flush_run(drawing, at->depth + 1);
	return 0;
}

static int draw(struct drawing *drawing)
{
	const struct flame *flame = drawing->picture->flame;
	const struct flame_node *nodes = flame->nodes.data;
	uint32_t node = 0;

	for (;;) {
		int err = put_frame(drawing->picture, node, drawing->lefts[node]);

		err = err ?: place_children(drawing, node);
		if (err)
			return err;
		if (drawing->lefts[nodes[node].first_child] > 0 && nodes[node].first_child) {
			node = nodes[node].first_child;
			continue;
		}
		while (node && !(nodes[node].next && drawing->lefts[nodes[node].next] > 0))
			node = nodes[node].parent;
		if (!node)
			return 0;
		node = nodes[node].next;
	}
}

int picture_put(struct picture *picture)
{
	struct drawing drawing = { .picture = picture };
	int err;

	picture->small = 0;
	/* 0: not drawn; all that is drawn lies right of the margin. */
	drawing.lefts = calloc(picture->flame->nodes.len, sizeof(*drawing.lefts));
	if (!drawing.lefts)
		return -ENOMEM;
	drawing.lefts[0] = PICTURE_MARGIN;
	err = draw(&drawing);
	free(drawing.lefts);
	vec_done(&drawing.run.weights);
	return err;
}
