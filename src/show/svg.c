/* SPDX-License-Identifier: MIT */
/* svg.c - one self-contained, interactive flame graph.
 *
 *     heading     title, how long and how many samples, mode and losses, what was not measured,
 *                 what was left out, and a legend
 *     bar         details of the frame at hand, at a fixed place; with a script also the search
 *     frames      the picture at 1,200 pixels, drawn here: it stands without scripts and network
 *     functions   names, and
 *     nodes       the whole tree, as text, for
 *     script      flame.js, which draws anew for any width, zoom and search
 *
 * Text of foreign origin is escaped for XML and free of control characters, so it cannot end the
 * element that it stands in.  The layout of `functions` and `nodes` is told in flame.js.
 *
 * Ceiling: SVG_MAX_NODES.  A larger tree is trimmed, and the heading says so.
 */
#include <inttypes.h>

#include "base/text.h"
#include "report/names.h"
#include "show/format.h"
#include "show/picture.h"
#include "show/sinks.h"
#include "show/svg.h"

#define SVG_MAX_NODES    500000 /* some 20 bytes each */
#define WIDTH            1200
#define TITLE_BASELINE   28
#define LINES_BASELINE   48
#define LINE_HEIGHT      17
#define BAR_HEIGHT       46
#define LEAST_SHARE_PCT  0.0001 /* where trimming begins that is not asked for */
#define TOOLS_WIDTH      232
#define KEYS_WIDTH       330
#define BUTTONS_WIDTH    150 /* right of the title */
#define GAPS_SHOWN       4   /* lines of what was not measured */
#define KEYS_LINE_HEIGHT 20

static const char style[] =
#include "show/flame.css.inc"
	;

static const char script[] =
#include "show/flame.js.inc"
	;

struct svg {
	FILE *out;
	struct flame *flame;
	const struct sink_options *options;
	const char *nonce; /* of the HTML page that it is a part of; NULL: a file of its own */
	unsigned line;     /* baseline of the next line of the heading */
	unsigned bar;      /* top of the bar, pixels */
	unsigned top;      /* top of the frames */
	double least_pct;
	uint64_t left_out, left_out_weight; /* functions that flame_trim() took away */
};

static void put_line(struct svg *svg, const char *class)
{
	fprintf(svg->out, "<text class=\"%s\" x=\"%d\" y=\"%u\">", class, PICTURE_MARGIN,
		svg->line);
	svg->line += LINE_HEIGHT;
}

static void end_line(struct svg *svg)
{
	fputs("</text>\n", svg->out);
}

static unsigned count_lines(const struct svg *svg)
{
	size_t gaps = svg->flame->profile->coverage.not_measured.len;

	return 2 + (unsigned)(gaps < GAPS_SHOWN ? gaps : GAPS_SHOWN) + (svg->left_out > 0);
}

/* Adds up over the tree what flame_trim() took away. */
static void count_left_out(struct svg *svg)
{
	const struct flame *flame = svg->flame;
	uint32_t node = 0;

	do {
		const struct flame_node *at = &flame->nodes.data[node];

		svg->left_out += at->cut_nodes;
		svg->left_out_weight += flame->nodes.data[0].ns ? at->cut_ns : at->cut_samples;
		node = flame_next(flame, node);
	} while (node);
}

static void put_left_out(struct svg *svg)
{
	put_line(svg, "dim");
	fprintf(svg->out, "left out: %s function%s below %.4g %%, together %s",
		format_count(svg->left_out).text, svg->left_out == 1 ? "" : "s", svg->least_pct,
		format_pct(flame_share_pct(svg->flame, svg->left_out_weight)).text);
	end_line(svg);
}

/* A line each for the first; what is too long or too much shows while the pointer rests there. */
static void put_gaps(struct svg *svg)
{
	const struct coverage *coverage = &svg->flame->profile->coverage;
	size_t count = coverage->not_measured.len;
	size_t shown = count > GAPS_SHOWN ? GAPS_SHOWN - 1 : count;

	for (size_t i = 0; i < shown; i++) {
		put_line(svg, "dim");
		fputs("<title>", svg->out);
		text_put_xml(svg->out, coverage->not_measured.data[i]);
		fputs("</title>not measured: ", svg->out);
		text_put_xml(svg->out, coverage->not_measured.data[i]);
		end_line(svg);
	}
	if (shown == count)
		return;
	put_line(svg, "dim");
	fputs("<title>", svg->out);
	for (size_t i = shown; i < count; i++) {
		text_put_xml(svg->out, coverage->not_measured.data[i]);
		putc('\n', svg->out);
	}
	fprintf(svg->out, "</title>not measured: %zu more (point here)", count - shown);
	end_line(svg);
}

/* Cut at the right margin; the title, before the buttons. */
static void put_heading(struct svg *svg)
{
	const struct profile *profile = svg->flame->profile;
	const char *title = svg->options->title ?: "CPU profile";

	fprintf(svg->out,
		"<svg id=\"titleclip\" width=\"%d\" height=\"%d\">"
		"<text class=\"ink title\" x=\"%d\" y=\"%d\"><title>",
		WIDTH - BUTTONS_WIDTH, TITLE_BASELINE + 8, PICTURE_MARGIN, TITLE_BASELINE);
	text_put_xml(svg->out, title);
	fputs("</title>", svg->out);
	text_put_xml(svg->out, title);
	end_line(svg);
	fprintf(svg->out, "</svg>\n<svg id=\"heading\" width=\"%d\" height=\"%u\">\n",
		WIDTH - PICTURE_MARGIN, svg->bar);
	fprintf(svg->out, "<text class=\"ink\" id=\"headline\" x=\"%d\" y=\"%u\">", PICTURE_MARGIN,
		svg->line);
	svg->line += LINE_HEIGHT;
	format_headline(svg->out, profile);
	end_line(svg);
	fprintf(svg->out, "<text class=\"dim\" id=\"mode\" x=\"%d\" y=\"%u\">", PICTURE_MARGIN,
		svg->line);
	svg->line += LINE_HEIGHT;
	format_mode(svg->out, profile, text_put_xml);
	fprintf(svg->out, "%s<tspan%s>", profile->coverage.mode ? "; " : "",
		coverage_lost(&profile->coverage) ? " class=\"warn\"" : "");
	format_lost(svg->out, profile, text_put_xml);
	fputs("</tspan>", svg->out);
	end_line(svg);
	put_gaps(svg);
	if (svg->left_out)
		put_left_out(svg);
	fputs("</svg>\n", svg->out);
}

struct legend {
	const char *class, *label;
	int width; /* pixels, of the label at 12 px, measured */
	uint8_t kind;
};

/* The kinds that occur, from the right edge to the left; (0, 0) is the upper right corner. */
static void put_legend(const struct svg *svg)
{
	static const struct legend legends[] = {
		{ "m", "mark", 32, FRAME_MARK },    { "n", "no name", 54, FRAME_UNKNOWN },
		{ "j1", "JIT", 20, FRAME_JIT },     { "k1", "kernel", 38, FRAME_KERNEL },
		{ "u0", "inlined", 42, UINT8_MAX }, { "u0", "user", 27, FRAME_USER },
	};
	bool occurs[UINT8_MAX + 1] = { 0 };
	int x = 0;

	vec_each(function, &svg->flame->functions)
		occurs[function->kind] = true;
	vec_each(node, &svg->flame->nodes)
		occurs[UINT8_MAX] |= node->is_inlined;
	for (size_t i = 0; i < array_len(legends); i++) {
		const struct legend *legend = &legends[i];
		const char *slant = legend->kind == UINT8_MAX ? " font-style=\"italic\"" : "";

		if (!occurs[legend->kind])
			continue;
		fprintf(svg->out,
			"<text class=\"dim\" x=\"%d\" y=\"%d\" text-anchor=\"end\"%s>%s</text>"
			"<g%s><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"11\" height=\"11\" "
			"rx=\"2\"/></g>\n",
			x, LINES_BASELINE, slant, legend->label, *slant ? " class=\"i\"" : "",
			legend->class, x - legend->width - 15, LINES_BASELINE - 10);
		x -= legend->width + 15 + 14;
	}
}

static void put_button(const struct svg *svg, const char *id, const char *label, int x, int y)
{
	fprintf(svg->out,
		"<g class=\"button\" id=\"%s\"><text x=\"%d\" y=\"%d\" "
		"text-anchor=\"end\">%s</text></g>\n",
		id, x, y, label);
}

static void put_corner(const struct svg *svg, uint64_t small)
{
	fprintf(svg->out, "<g id=\"corner\" transform=\"translate(%d,0)\">\n",
		WIDTH - PICTURE_MARGIN);
	fputs("<g id=\"legend\">\n", svg->out);
	put_legend(svg);
	fprintf(svg->out, "</g>\n<text class=\"dim\" id=\"small\" y=\"%d\" text-anchor=\"end\">",
		LINES_BASELINE + LINE_HEIGHT);
	if (small)
		fprintf(svg->out, "%s function%s too small to draw here", format_count(small).text,
			small == 1 ? " is" : "s are");
	fputs("</text>\n<g id=\"buttons\" visibility=\"hidden\">\n", svg->out);
	put_button(svg, "help", "Keys (?)", 0, TITLE_BASELINE);
	put_button(svg, "flip", "Flip (f)", -66, TITLE_BASELINE);
	fputs("</g>\n</g>\n", svg->out);
}

/* The whole, as the script shows it while the pointer is elsewhere. */
static void put_bar(const struct svg *svg)
{
	const struct flame_node *root = &svg->flame->nodes.data[0];

	fprintf(svg->out,
		"<g id=\"bar\">\n<rect class=\"bg\" y=\"%u\" width=\"100%%\" height=\"%d\"/>"
		"<rect class=\"bar\" id=\"barbox\" x=\"%d\" y=\"%u\" width=\"%d\" height=\"%d\" "
		"rx=\"6\"/>\n"
		"<svg id=\"clip\" x=\"%d\" y=\"%u\" width=\"%d\" height=\"%d\">"
		"<g aria-live=\"polite\" class=\"num\">",
		svg->bar - 4, BAR_HEIGHT + 10, PICTURE_MARGIN, svg->bar, WIDTH - 2 * PICTURE_MARGIN,
		BAR_HEIGHT, PICTURE_MARGIN, svg->bar, WIDTH - 2 * PICTURE_MARGIN - TOOLS_WIDTH,
		BAR_HEIGHT);
	fprintf(svg->out,
		"<text class=\"ink\" id=\"d-name\" x=\"10\" y=\"19\" font-weight=\"600\">all</text>"
		"<text class=\"ink\" id=\"d-total\" x=\"10\" y=\"37\">%s</text>"
		"<text class=\"dim\" id=\"d-self\" x=\"72\" y=\"37\"></text>"
		"<text class=\"ink\" id=\"d-time\" x=\"152\" y=\"37\">%s</text>"
		"<text class=\"ink\" id=\"d-samples\" x=\"222\" y=\"37\">%s samples</text>"
		"<text class=\"dim\" id=\"d-about\" x=\"340\" y=\"37\"></text>"
		"</g></svg>\n",
		format_pct(root->samples ? 100 : 0).text, format_ns(root->ns).text,
		format_count(root->samples).text);
	fprintf(svg->out, "<g id=\"tools\" transform=\"translate(%d,0)\">", WIDTH - PICTURE_MARGIN);
	fprintf(svg->out,
		"<text class=\"ink num\" id=\"matched\" x=\"-8\" y=\"%u\" "
		"text-anchor=\"end\"></text>"
		"<g class=\"button\" id=\"reset\" visibility=\"hidden\">"
		"<text x=\"-219\" y=\"%u\">Reset zoom</text></g></g>\n</g>\n",
		svg->bar + 41, svg->bar + 41);
}

static void put_keys(const struct svg *svg)
{
	static const char *const keys[][2] = {
		{ "click, Enter", "zoom to the function" },
		{ "Esc", "end the search, then the zoom" },
		{ "Backspace", "one level out" },
		{ "arrows", "caller, callee, neighbours" },
		{ "/", "search" },
		{ "n, N", "next match, one before" },
		{ "f", "root at the bottom or at the top" },
		{ "?", "this list" },
	};
	int height = (int)array_len(keys) * KEYS_LINE_HEIGHT + 20;

	fprintf(svg->out,
		"<g id=\"keys\" visibility=\"hidden\"><rect class=\"key\" x=\"%d\" y=\"%u\" "
		"width=\"%d\" height=\"%d\" rx=\"8\"/>\n",
		PICTURE_MARGIN + 20, svg->top + 20, KEYS_WIDTH, height);
	for (size_t i = 0; i < array_len(keys); i++) {
		unsigned y = svg->top + 44 + (unsigned)i * KEYS_LINE_HEIGHT;

		fprintf(svg->out,
			"<text class=\"ink\" x=\"%d\" y=\"%u\" font-weight=\"600\">%s</text>"
			"<text class=\"ink\" x=\"%d\" y=\"%u\">%s</text>\n",
			PICTURE_MARGIN + 36, y, keys[i][0], PICTURE_MARGIN + 136, y, keys[i][1]);
	}
	fputs("</g>\n", svg->out);
}

static void put_functions(const struct svg *svg)
{
	const struct flame *flame = svg->flame;
	const struct profile *profile = flame->profile;

	fputs("<script type=\"text/plain\" id=\"functions\">", svg->out);
	vec_each(function, &flame->functions) {
		fprintf(svg->out, "%s\t", picture_class(flame, function).name);
		text_put_xml(svg->out, flame_function_text(flame, function));
		putc('\t', svg->out);
		text_put_xml(svg->out, profile_text(profile, function->module));
		putc('\t', svg->out);
		text_put_xml(svg->out, profile_text(profile, function->source));
		putc('\n', svg->out);
	}
	fputs("r\tall\t\t</script>\n", svg->out);
}

static uint32_t count_children(const struct flame *flame, uint32_t parent)
{
	uint32_t count = 0;

	for (uint32_t child = flame->nodes.data[parent].first_child; child;
	     child = flame->nodes.data[child].next)
		count++;
	return count;
}

static void put_node(const struct svg *svg, uint32_t node)
{
	const struct flame *flame = svg->flame;
	const struct flame_node *at = &flame->nodes.data[node];
	size_t function = node ? at->function : flame->functions.len;

	fprintf(svg->out, "%zu,%" PRIu32, 2 * function + (node && at->is_inlined),
		count_children(flame, node));
	if (at->self_samples || at->self_ns || at->cut_nodes)
		fprintf(svg->out, ",%" PRIu64 ",%" PRIu64, at->self_samples, at->self_ns);
	if (at->cut_nodes)
		fprintf(svg->out, ",%" PRIu32 ",%" PRIu64 ",%" PRIu64, at->cut_nodes,
			at->cut_samples, at->cut_ns);
}

static void put_nodes(const struct svg *svg)
{
	uint32_t node = 0;

	fputs("<script type=\"text/plain\" id=\"nodes\">", svg->out);
	do {
		if (node)
			putc(';', svg->out);
		put_node(svg, node);
		node = flame_next(svg->flame, node);
	} while (node);
	fputs("</script>\n", svg->out);
}

/* Of a page, only what has its nonce is obeyed. */
static void open_element(const struct svg *svg, const char *name)
{
	fprintf(svg->out, "<%s", name);
	if (svg->nonce)
		fprintf(svg->out, " nonce=\"%s\"", svg->nonce);
	putc('>', svg->out);
}

static void put_opening(const struct svg *svg)
{
	unsigned height = svg->top + (svg->flame->depth + 2) * PICTURE_ROW + 12;

	if (!svg->nonce)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", svg->out);
	fprintf(svg->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
		"viewBox=\"0 0 %d %u\" data-bar=\"%u\" data-top=\"%u\">\n<title>",
		WIDTH, height, WIDTH, height, svg->bar, svg->top);
	text_put_xml(svg->out, svg->options->title ?: "CPU profile");
	fputs("</title>\n<desc>Flame graph by kymo " KYMO_VERSION ": ", svg->out);
	format_headline(svg->out, svg->flame->profile);
	fputs("</desc>\n", svg->out);
	open_element(svg, "style");
	fputs(style, svg->out);
	fputs("</style>\n<rect class=\"bg\" width=\"100%\" height=\"100%\"/>\n", svg->out);
}

/* The tree is written twice, as a picture and as data; the count of the one stands above both. */
static int put_file(struct svg *svg)
{
	struct picture picture = { .out = svg->out,
				   .flame = svg->flame,
				   .width = WIDTH - 2 * PICTURE_MARGIN,
				   .top = svg->top };
	int err;

	put_opening(svg);
	put_heading(svg);
	fputs("<g id=\"frames\" class=\"frames\">\n", svg->out);
	err = picture_put(&picture);
	if (err)
		return err;
	fputs("</g>\n", svg->out);
	put_corner(svg, picture.small);
	put_bar(svg);
	put_keys(svg);
	put_functions(svg);
	put_nodes(svg);
	open_element(svg, "script");
	fputs("<![CDATA[\n", svg->out);
	fputs(script, svg->out);
	fputs("]]></script>\n</svg>\n", svg->out);
	return 0;
}

static uint32_t count_nodes(const struct flame *flame)
{
	uint32_t count = 1, node = 0;

	while ((node = flame_next(flame, node)) != 0)
		count++;
	return count;
}

static int put_all(struct svg *svg)
{
	struct flame *flame = svg->flame;

	flame_trim(flame, svg->least_pct);
	while (count_nodes(flame) > SVG_MAX_NODES) {
		svg->least_pct = svg->least_pct ? 2 * svg->least_pct : LEAST_SHARE_PCT;
		flame_trim(flame, svg->least_pct);
	}
	flame_sort(flame, FLAME_BY_WEIGHT);
	count_left_out(svg);
	svg->bar = LINES_BASELINE + (count_lines(svg) - 1) * LINE_HEIGHT + 14;
	svg->top = svg->bar + BAR_HEIGHT + 10;
	return put_file(svg);
}

int svg_put(FILE *out, const struct profile *profile, const struct sink_options *options,
	    const char *nonce)
{
	struct flame flame;
	struct svg svg = { .out = out,
			   .flame = &flame,
			   .options = options,
			   .nonce = nonce,
			   .line = LINES_BASELINE,
			   .least_pct = options->min_share_pct };
	int err = flame_build(&flame, profile, true, false);

	err = err ?: put_all(&svg);
	flame_done(&flame);
	return err;
}

static int svg_end(struct sink_target *target)
{
	return svg_put(target->out, target->profile, &target->options, NULL);
}

const struct sink show_svg = {
	.name = "svg",
	.help = "one interactive flame graph, for any browser",
	.suffix = "svg",
	.end = svg_end,
};
