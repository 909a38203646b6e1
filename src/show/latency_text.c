/* SPDX-License-Identifier: MIT */
/* latency_text.c - latencies for a person: a table that goes on, and at the end a picture of each. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/histogram.h"
#include "show/format.h"
#include "show/latency_args.h"
#include "show/latency_heat.h"
#include "show/latency_sinks.h"
#include "show/latency_why.h"

#define NAME_COLUMNS 34
#define BAR_COLUMNS  40
#define PICTURE_ROWS 24u /* of one histogram; then two or more buckets make a row */

static void put_name(FILE *out, const char *name)
{
	char *label = NULL;
	size_t columns;

	if (format_label(name, NAME_COLUMNS, &label))
		return;
	columns = format_columns(label);
	text_put_plain(out, label);
	fprintf(out, "%*s", columns < NAME_COLUMNS ? (int)(NAME_COLUMNS - columns) : 0, "");
	free(label);
}

static void put_time(FILE *out, uint64_t ns)
{
	if (ns == LATENCY_NONE)
		fprintf(out, " %9s", "-");
	else
		fprintf(out, " %9s", format_ns(ns).text);
}

static bool has_cpu(const struct latency_target *target)
{
	return target->is_http && !target->lacks_cpu;
}

static void put_heading(struct latency_target *target)
{
	fprintf(target->out, "%-*s %10s %9s %7s", NAME_COLUMNS,
		target->is_http ? "ROUTE" : "FUNCTION", target->is_http ? "REQUESTS" : "CALLS",
		"PER S", "ERRORS");
	for (size_t i = 0; i < LATENCY_SHARES; i++)
		fprintf(target->out, " %9s", latency_shares[i].heading);
	fprintf(target->out, " %9s", "MAX");
	fprintf(target->out, has_cpu(target) ? " %9s\n" : "\n", "CPU");
}

/* Of one request, on average; LATENCY_NONE: not known of any */
static uint64_t cpu_of(const struct latency_http *http)
{
	uint64_t known = http->cpu_requests[HTTP_CPU_KNOWN];

	return known ? http->cpu_ns / known : LATENCY_NONE;
}

static void put_row(struct latency_target *target, const struct latency_report *report,
		    const struct latency_row *row)
{
	const struct latency_figures *figures = row->figures;
	bool is_counted = row->function->is_counted;
	uint64_t calls = is_counted ? figures->hits : figures->calls;
	double seconds = (double)report->span_ns / 1e9;

	put_name(target->out, row->function->name);
	fprintf(target->out, " %10s", format_count(calls).text);
	fprintf(target->out, " %9s",
		format_count(seconds > 0 ? (uint64_t)((double)calls / seconds + 0.5) : 0).text);
	fprintf(target->out, " %7s", format_count(latency_errors(row)).text);
	for (size_t i = 0; i < LATENCY_SHARES; i++)
		put_time(target->out, latency_quantile(figures, latency_shares[i].share));
	put_time(target->out, figures->calls ? figures->max_ns : LATENCY_NONE);
	if (has_cpu(target))
		put_time(target->out, cpu_of(row->http));
	putc('\n', target->out);
}

struct picture {
	uint32_t first, end, step; /* buckets */
	uint64_t most;             /* in one row */
};

static uint64_t row_count(const struct latency_figures *figures, uint32_t first, uint32_t step)
{
	uint64_t count = 0;

	for (uint32_t i = first; i < first + step && i < CALL_BUCKETS; i++)
		count += figures->buckets[i];
	return count;
}

static bool plan_picture(const struct latency_figures *figures, struct picture *picture)
{
	uint32_t first = CALL_BUCKETS, last = 0;

	for (uint32_t i = 0; i < CALL_BUCKETS; i++) {
		if (!figures->buckets[i])
			continue;
		first = i < first ? i : first;
		last = i;
	}
	if (first == CALL_BUCKETS)
		return false;
	*picture = (struct picture){ .step = 1 };
	while ((last / picture->step) - (first / picture->step) >= PICTURE_ROWS)
		picture->step *= 2;
	picture->first = first / picture->step * picture->step;
	picture->end = last + 1;
	for (uint32_t i = picture->first; i < picture->end; i += picture->step) {
		uint64_t count = row_count(figures, i, picture->step);

		picture->most = count > picture->most ? count : picture->most;
	}
	return true;
}

static void put_part(FILE *out, const char *what, const struct latency_figures *figures)
{
	uint64_t median = latency_quantile(figures, 0.5), late = latency_quantile(figures, 0.99);

	if (!figures->calls)
		return;
	fprintf(out, "  %s: ", what);
	if (median != LATENCY_NONE)
		fprintf(out, "median %s, ", format_ns(median).text);
	if (late != LATENCY_NONE)
		fprintf(out, "p99 %s, ", format_ns(late).text);
	fprintf(out, "max %s\n", format_ns(figures->max_ns).text);
}

/* What was used of a CPU, and why it is not known of some. */
static void put_cpu(FILE *out, const struct latency_http *http)
{
	uint64_t known = http->cpu_requests[HTTP_CPU_KNOWN];

	if (known) {
		fprintf(out, "  CPU time, until it begins to answer: %s a request, by %s samples",
			format_ns(cpu_of(http)).text, format_count(http->cpu_samples).text);
		fprintf(out, " in %s requests\n", format_count(known).text);
	}
	for (size_t i = HTTP_CPU_KNOWN + 1; i < HTTP_CPU_STATES; i++)
		if (http->cpu_requests[i])
			fprintf(out, "  CPU time of %s requests is not known: %s\n",
				format_count(http->cpu_requests[i]).text,
				latency_cpu_reasons[i].words);
}

/* Where the time of a route went, and what came of it. */
static void put_http(const struct latency_target *target, const struct latency_http *http)
{
	static const char *const kinds[LATENCY_STATUSES] = { "unknown", "1xx", "2xx",
							     "3xx",     "4xx", "5xx" };
	const char *between = "";
	FILE *out = target->out;

	fputs("  ", out);
	if (http->port)
		fprintf(out, "port %u, ", http->port);
	fputs("answers ", out);
	for (size_t i = 0; i < LATENCY_STATUSES; i++) {
		if (!http->statuses[i])
			continue;
		fprintf(out, "%s%s %s", between, kinds[i], format_count(http->statuses[i]).text);
		between = ", ";
	}
	if (latency_has_bytes(http->way)) {
		fprintf(out, "; %s in", format_bytes(http->in_bytes).text);
		fprintf(out, ", %s out", format_bytes(http->out_bytes).text);
	}
	putc('\n', out);
	put_part(out, "queue, until the server reads the request", &http->queue);
	put_part(out,
		 http->way == HTTP_WAY_GO ? "service, while its handler runs"
					  : "service, until it begins to answer",
		 &http->service);
	if (has_cpu(target))
		put_cpu(out, http);
}

static void put_picture(struct latency_target *target, const struct latency_row *row)
{
	struct picture picture;

	if (!plan_picture(row->figures, &picture))
		return;
	putc('\n', target->out);
	text_put_plain(target->out, row->function->name);
	putc('\n', target->out);
	if (row->http)
		put_http(target, row->http);
	for (uint32_t i = picture.first; i < picture.end; i += picture.step) {
		uint64_t count = row_count(row->figures, i, picture.step);
		uint64_t next = buckets_low(CALL_BITS, i + picture.step);
		unsigned bar = (unsigned)((count * BAR_COLUMNS + picture.most - 1) / picture.most);

		fprintf(target->out, "  %9s", format_ns(buckets_low(CALL_BITS, i)).text);
		fprintf(target->out, " .. %-9s %10s ", format_ns(next).text,
			format_count(count).text);
		for (unsigned j = 0; j < bar; j++)
			fputs(target->ascii ? "#" : "\xe2\x96\x88", target->out);
		putc('\n', target->out);
	}
	heat_put(target->state, row, target->out, target->ascii);
}

static void put_notes(struct latency_target *target, const struct latency_report *report)
{
	uint64_t unseen = 0, cut = 0;

	for (size_t i = 0; i < report->count; i++) {
		unseen += report->rows[i].figures->unseen;
		cut += report->rows[i].figures->cut;
	}
	fprintf(target->out,
		"\npercentiles are at most %.1f %% off; '-': too few calls support it\n",
		LATENCY_ERROR_PCT);
	if (unseen)
		fprintf(target->out, "%s calls had begun before we looked, and are not counted\n",
			format_count(unseen).text);
	if (cut)
		fprintf(target->out,
			"%s calls were left by an exception, longjmp or panic, and are not counted\n",
			format_count(cut).text);
}

/* A picture of the busiest one, where the table is drawn over. */
static void put_live_picture(struct latency_target *target, const struct latency_report *report)
{
	const struct latency_row *busiest = NULL;

	for (size_t i = 0; i < report->count; i++)
		if (!busiest || report->rows[i].figures->calls > busiest->figures->calls)
			busiest = &report->rows[i];
	if (busiest && busiest->figures->calls)
		put_picture(target, busiest);
}

static int put_report(struct latency_target *target, const struct latency_report *report)
{
	int err = heat_add(target->state, report);

	if (err)
		return err;
	if (target->in_place)
		fputs("\033[H\033[J", target->out);
	if (report->is_final)
		fprintf(target->out, "%saltogether, in %s:\n", target->in_place ? "" : "\n",
			format_ns(report->span_ns).text);
	put_heading(target);
	for (size_t i = 0; i < report->count; i++)
		put_row(target, report, &report->rows[i]);
	for (size_t i = 0; report->is_final && i < report->count; i++)
		put_picture(target, &report->rows[i]);
	if (!report->is_final && target->in_place)
		put_live_picture(target, report);
	if (report->is_final)
		put_notes(target, report);
	return 0;
}

static int put_exchange(struct latency_target *target, const struct latency_call *call)
{
	const struct latency_exchange *http = call->http;
	FILE *out = target->out;

	text_put_plain(out, http->request);
	fprintf(out, "%s: ", http->is_cut ? "..." : "");
	if (http->status)
		fprintf(out, "%u, ", http->status);
	fprintf(out, "%.3f ms (", (double)call->took_ns / NS_PER_MS);
	if (http->queue_ns != LATENCY_NONE)
		fprintf(out, "queue %.3f ms, ", (double)http->queue_ns / NS_PER_MS);
	fprintf(out, "service %.3f ms, ", (double)http->service_ns / NS_PER_MS);
	if (latency_has_bytes(http->way)) {
		fprintf(out, "%s in, ", format_bytes(http->in_bytes).text);
		fprintf(out, "%s out, ", format_bytes(http->out_bytes).text);
	}
	if (http->port)
		fprintf(out, "port %u, ", http->port);
	fprintf(out, "PID: %u, TID: %u)", call->pid, call->tid);
	if (call->goroutine)
		fprintf(out, " goroutine %lu", (unsigned long)call->goroutine);
	putc('\n', out);
	return 0;
}

/* The line of the tool that this one replaces; other names than its one are told as they are. */
static int put_call(struct latency_target *target, const struct latency_call *call)
{
	const char *name = call->function->name;

	if (call->http)
		return put_exchange(target, call);
	if (strcmp(name, "main.handleRequest") == 0)
		fputs("Handler latency", target->out);
	else
		text_put_plain(target->out, name);
	fprintf(target->out, ": %.3f ms (PID: %u, TID: %u)", (double)call->took_ns / NS_PER_MS,
		call->pid, call->tid);
	if (call->goroutine)
		fprintf(target->out, " goroutine %lu", (unsigned long)call->goroutine);
	latency_args_text(target->out, call->arguments);
	putc('\n', target->out);
	return 0;
}

static int put_nothing(struct latency_target *target, const struct latency_report *report)
{
	(void)target;
	(void)report;
	return 0;
}

static int begin_text(struct latency_target *target)
{
	target->state = calloc(1, sizeof(struct heat));
	return target->state ? 0 : -ENOMEM;
}

static void end_text(struct latency_target *target)
{
	if (target->state)
		heat_done(target->state);
	free(target->state);
	target->state = NULL;
}

const struct latency_sink show_latency_text = {
	.name = "text",
	.begin = begin_text,
	.end = end_text,
	.report = put_report,
	.why = latency_why_text,
};

const struct latency_sink show_latency_calls = {
	.name = "calls",
	.call = put_call,
	.report = put_nothing,
	.why = latency_why_text,
};
