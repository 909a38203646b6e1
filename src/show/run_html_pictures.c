/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "report/history.h"
#include "report/process_rows.h"
#include "show/format.h"
#include "show/run_html.h"

#define SPANS_MAX       400
#define PLOT_HEIGHT     160
#define MEMORY_HEIGHT   60
#define PLOT_LEFT       46 /* for the numbers of the axis */
#define TICKS           6  /* of the axis of time */
#define PROCESSES_MAX   300
#define ROW_HEIGHT      19
#define NAME_WIDTH      330
#define NAME_INDENT     12
#define LIFE_WIDTH      90
#define DEPTH_SHOWN     12
#define LEAST_BAR       1.5 /* so that it can be seen */
#define ARGUMENTS_SHOWN 4

void html_swatch(FILE *out, unsigned part)
{
	fprintf(out,
		"<svg class=\"sw\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"c-%s\" "
		"width=\"10\" height=\"10\" rx=\"2\"/></svg>",
		part_key(part));
}

void html_bar(FILE *out, const struct balance_times *times)
{
	struct part_order order = part_order(times);
	double left = 0;

	fprintf(out,
		"<svg class=\"plot\" viewBox=\"0 0 %d 22\" role=\"img\" "
		"aria-label=\"parts of a life; the table below has the figures\">",
		HTML_WIDTH);
	for (size_t i = 0; i < order.count; i++) {
		uint64_t ns = part_ns(times, order.parts[i]);
		double width = (double)ns / (double)times->life * HTML_WIDTH;

		fprintf(out,
			"<rect class=\"c-%s\" x=\"%.1f\" width=\"%.1f\" height=\"22\"><title>%s: %s, "
			"%s</title></rect>",
			part_key(order.parts[i]), left, width, part_words(order.parts[i]),
			format_ns(ns).text, format_pct(width / HTML_WIDTH * 100).text);
		left += width;
	}
	fputs("</svg>\n", out);
}

/* A picture over time: the axis below, from 0 to the end of the run. */
struct plot {
	FILE *out;
	uint64_t wall_ns;
	double left, width;
};

static double plot_x(const struct plot *plot, uint64_t ns)
{
	return plot->left + plot->width * (double)ns / (double)plot->wall_ns;
}

static void put_axis(const struct plot *plot, double top, double height)
{
	for (unsigned i = 0; i <= TICKS; i++) {
		uint64_t at = plot->wall_ns / TICKS * i;
		double x = plot_x(plot, at);

		fprintf(plot->out,
			"<path class=\"grid\" d=\"M%.1f %.1fv%.1f\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
			x, top, height, x, top + height + 13,
			i == 0       ? "start"
			: i == TICKS ? "end"
				     : "middle",
			at ? format_ns(at).text : "0");
	}
}

/* One part, on top of what lies below; @below grows by it. */
static void put_area(const struct plot *plot, const struct history *history, unsigned part,
		     double *below)
{
	double scale = PLOT_HEIGHT / history->threads_max;

	fprintf(plot->out, "<path class=\"c-%s\" d=\"", part_key(part));
	for (size_t i = 0; i < history->spans.len; i++) {
		const struct history_span *span = &history->spans.data[i];
		double y = PLOT_HEIGHT - (below[i] + span->threads[part]) * scale;

		fprintf(plot->out, "%c%.1f %.1fH%.1f", i ? 'L' : 'M', plot_x(plot, span->from_ns),
			y, plot_x(plot, span->to_ns));
	}
	for (size_t i = history->spans.len; i--;) {
		const struct history_span *span = &history->spans.data[i];
		double y = PLOT_HEIGHT - below[i] * scale;

		fprintf(plot->out, "L%.1f %.1fH%.1f", plot_x(plot, span->to_ns), y,
			plot_x(plot, span->from_ns));
		below[i] += span->threads[part];
	}
	fprintf(plot->out, "Z\"><title>%s</title></path>", part_words(part));
}

static void put_scale(const struct plot *plot, double top, double height, const char *most)
{
	fprintf(plot->out,
		"<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>"
		"<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">0</text>",
		plot->left - 6, top + 10, most, plot->left - 6, top + height);
}

/* Running lies below, waits for children above all. */
static int put_activity(const struct plot *plot, const struct history *history,
			const struct balance_times *totals)
{
	struct part_order order = part_order(totals);
	own(freep) double *below = calloc(history->spans.len, sizeof(*below));
	char most[32];

	if (!below)
		return -ENOMEM;
	snprintf(most, sizeof(most), "%.3g", history->threads_max);
	fprintf(plot->out,
		"<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"threads by "
		"what they did, through time\">",
		HTML_WIDTH, PLOT_HEIGHT + 18);
	put_axis(plot, 0, PLOT_HEIGHT);
	put_scale(plot, 0, PLOT_HEIGHT, most);
	if (totals->running)
		put_area(plot, history, PART_RUNNING, below);
	if (totals->runq)
		put_area(plot, history, PART_RUNQ, below);
	for (size_t i = 0; i < order.count; i++)
		if (order.parts[i] >= PART_BLOCKED && order.parts[i] != PART_BLOCKED + BLOCK_CHILD)
			put_area(plot, history, order.parts[i], below);
	if (totals->blocked[BLOCK_CHILD])
		put_area(plot, history, PART_BLOCKED + BLOCK_CHILD, below);
	fputs("</svg>\n<ul class=\"keys\">", plot->out);
	for (size_t i = 0; i < order.count; i++) {
		fputs("<li>", plot->out);
		html_swatch(plot->out, order.parts[i]);
		fprintf(plot->out, "%s</li>", part_words(order.parts[i]));
	}
	fputs("</ul>\n", plot->out);
	return 0;
}

static void put_memory(const struct plot *plot, const struct history *history)
{
	uint64_t most = 1;

	vec_each(span, &history->spans)
		if (span->rss_bytes > most)
			most = span->rss_bytes;
	fprintf(plot->out,
		"<p class=\"note\">Resident memory, %s at most in these moments</p>\n"
		"<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"resident "
		"memory through time\">",
		format_bytes(most).text, HTML_WIDTH, MEMORY_HEIGHT + 18);
	put_axis(plot, 0, MEMORY_HEIGHT);
	fprintf(plot->out, "<path class=\"mem\" d=\"M%.1f %dL%.1f %d", plot->left, MEMORY_HEIGHT,
		plot->left, MEMORY_HEIGHT);
	vec_each(span, &history->spans)
		fprintf(plot->out, "L%.1f %.1f", plot_x(plot, span->to_ns),
			MEMORY_HEIGHT -
				(MEMORY_HEIGHT - 2) * (double)span->rss_bytes / (double)most);
	fprintf(plot->out, "V%dZ\"/></svg>\n", MEMORY_HEIGHT);
}

int html_history(FILE *out, const struct account *account)
{
	struct plot plot = { out, account->wall_ns ?: 1, PLOT_LEFT, HTML_WIDTH - PLOT_LEFT - 2 };
	struct history history;
	int err = history_make(account, SPANS_MAX, &history);

	if (err)
		return err;
	if (history.spans.len && history.threads_max > 0) {
		fputs("<h2>Through time</h2>\n<p class=\"note\">Threads by what they did</p>\n",
		      out);
		err = put_activity(&plot, &history, &account->totals);
		if (!err && account->has_memory)
			put_memory(&plot, &history);
	}
	history_done(&history);
	return err;
}

static void put_command(FILE *out, const struct account *account,
			const struct account_process *process)
{
	const struct account_exec *exec = account_program(account, process);

	text_put_xml(out, account_name(account, process));
	for (uint32_t i = 1; exec && i < exec->argc && i < ARGUMENTS_SHOWN; i++) {
		putc(' ', out);
		text_put_xml(out, account_argv(account, exec, i));
	}
	if (exec && exec->argc > ARGUMENTS_SHOWN)
		fputs(" \xe2\x80\xa6", out);
}

static void put_status(FILE *out, const struct account_process *process)
{
	if (process->is_alive)
		fputs(", still alive", out);
	else if (process->has_status && WIFSIGNALED(process->status))
		fprintf(out, ", ended by signal %d", WTERMSIG(process->status));
	else if (process->has_status)
		fprintf(out, ", exit status %d", WEXITSTATUS(process->status));
}

static unsigned top_part(const struct balance_times *times)
{
	struct part_order order = part_order(times);

	return order.count ? order.parts[0] : PART_BLOCKED + BLOCK_OTHER;
}

static void put_process(const struct plot *plot, const struct account *account,
			const struct process_row *row, double top)
{
	const struct account_process *process = &account->processes.data[row->process];
	const struct balance_times *times = &process->times;
	uint64_t start = account->started_mono_ns, born = process->born_mono_ns;
	uint64_t from = born > start ? born - start : 0;
	uint64_t to = process->died_mono_ns > start ? process->died_mono_ns - start : 0;
	double x, end, indent = NAME_INDENT * (row->depth < DEPTH_SHOWN ? row->depth : DEPTH_SHOWN);

	x = plot_x(plot, from < plot->wall_ns ? from : plot->wall_ns);
	end = plot_x(plot, to < plot->wall_ns ? to : plot->wall_ns);
	fprintf(plot->out, "<g><title>");
	put_command(plot->out, account, process);
	fprintf(plot->out, "\nprocess %u", process->pid);
	put_status(plot->out, process);
	fprintf(plot->out, "\nrunning %s, waiting for a CPU %s, blocked %s; most of it %s</title>",
		format_ns(times->running).text, format_ns(times->runq).text,
		format_ns(times_blocked(times)).text, part_words(top_part(times)));
	fprintf(plot->out,
		"<svg x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%d\"><text class=\"name\" y=\"13\">",
		indent, top, NAME_WIDTH - 8 - indent, ROW_HEIGHT);
	put_command(plot->out, account, process);
	fprintf(plot->out,
		"</text></svg><rect class=\"c-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
		"rx=\"2\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text></g>\n",
		part_key(top_part(times)), x, top + 3, end - x > LEAST_BAR ? end - x : LEAST_BAR,
		ROW_HEIGHT - 6, HTML_WIDTH, top + 13, format_ns(to > from ? to - from : 0).text);
}

int html_processes(FILE *out, const struct account *account)
{
	struct plot plot = { out, account->wall_ns ?: 1, NAME_WIDTH,
			     HTML_WIDTH - NAME_WIDTH - LIFE_WIDTH };
	struct process_rows rows;
	int err = process_rows_make(account, PROCESSES_MAX, &rows);
	double height;

	if (err)
		return err;
	height = (double)rows.rows.len * ROW_HEIGHT;
	fprintf(out,
		"<p class=\"note\">From birth to end, in the colour of what took most of its life</p>\n"
		"<svg class=\"plot\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"processes "
		"through time\">",
		HTML_WIDTH, height + 18);
	put_axis(&plot, 0, height);
	for (size_t i = 0; i < rows.rows.len; i++)
		put_process(&plot, account, &rows.rows.data[i], (double)i * ROW_HEIGHT);
	fputs("</svg>\n", out);
	if (rows.left_out)
		fprintf(out, "<p class=\"note\">and %s processes that lived shorter</p>\n",
			format_count(rows.left_out).text);
	process_rows_done(&rows);
	return 0;
}
