/* SPDX-License-Identifier: MIT */
/* latency_data.c - latencies for other programs: JSON, one object a line, and CSV with one header.
 *
 * What was not measured is null, and empty in CSV.
 */
#include "base/json.h"
#include "base/text.h"
#include "show/latency_args.h"
#include "show/latency_json.h"
#include "show/latency_sinks.h"
#include "show/latency_why.h"

const struct latency_share latency_shares[LATENCY_SHARES] = {
	{ "p50_ns", "P50", 0.5 },
	{ "p90_ns", "P90", 0.9 },
	{ "p99_ns", "P99", 0.99 },
	{ "p999_ns", "P99.9", 0.999 },
};

static void put_u64_or_null(struct json *json, const char *key, uint64_t value, bool is_known)
{
	if (is_known)
		json_u64(json, key, value);
	else
		json_null(json, key);
}

void latency_coverage_json(struct json *json, const struct coverage *coverage)
{
	if (coverage->mode)
		json_text(json, "mode", coverage->mode);
	json_array(json, "lost");
	for (size_t i = 0; i < coverage->lost.len; i++) {
		json_object(json, NULL);
		json_text(json, "kind", coverage->lost.data[i].kind);
		json_u64(json, "count", coverage->lost.data[i].count);
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "not_measured");
	for (size_t i = 0; i < coverage->not_measured.len; i++)
		json_text(json, NULL, coverage->not_measured.data[i]);
	json_array_end(json);
}

static void put_figures(struct json *json, const struct latency_figures *figures)
{
	bool has_calls = figures->calls > 0;

	put_u64_or_null(json, "mean_ns", has_calls ? figures->sum_ns / figures->calls : 0,
			has_calls);
	for (size_t i = 0; i < LATENCY_SHARES; i++) {
		uint64_t ns = latency_quantile(figures, latency_shares[i].share);

		put_u64_or_null(json, latency_shares[i].key, ns, ns != LATENCY_NONE);
	}
	put_u64_or_null(json, "max_ns", figures->max_ns, has_calls);
}

static const char *const status_keys[LATENCY_STATUSES] = { "unknown", "1xx", "2xx",
							   "3xx",     "4xx", "5xx" };

/* By samples, from reading to answering, of those requests of which it is known; and why not of the others. */
static void put_cpu(struct json *json, const struct latency_http *http)
{
	uint64_t known = http->cpu_requests[HTTP_CPU_KNOWN];

	put_u64_or_null(json, "cpu_ns", http->cpu_ns, known > 0);
	put_u64_or_null(json, "cpu_samples", http->cpu_samples, known > 0);
	json_u64(json, "cpu_requests", known);
	json_object(json, "cpu_not_known");
	for (size_t i = HTTP_CPU_KNOWN + 1; i < HTTP_CPU_STATES; i++)
		if (http->cpu_requests[i])
			json_u64(json, latency_cpu_reasons[i].key, http->cpu_requests[i]);
	json_object_end(json);
}

static void put_http(struct json *json, const struct latency_http *http)
{
	json_object(json, "statuses");
	for (size_t i = 0; i < LATENCY_STATUSES; i++)
		json_u64(json, status_keys[i], http->statuses[i]);
	json_object_end(json);
	put_u64_or_null(json, "request_bytes", http->in_bytes, latency_has_bytes(http->way));
	put_u64_or_null(json, "response_bytes", http->out_bytes, latency_has_bytes(http->way));
	put_cpu(json, http);
	json_object(json, "queue");
	json_u64(json, "count", http->queue.calls);
	put_figures(json, &http->queue);
	json_object_end(json);
	json_object(json, "service");
	json_u64(json, "count", http->service.calls);
	put_figures(json, &http->service);
	json_object_end(json);
}

/* What a row is about. */
static void put_subject(struct json *json, const struct latency_row *row)
{
	json_text(json, row->http ? "route" : "function", row->function->name);
	if (row->http)
		put_u64_or_null(json, "port", row->http->port, row->http->port > 0);
	else
		json_text(json, "file", row->function->file);
}

/* A function that is only counted is hit once a call. */
static uint64_t count_of(const struct latency_row *row)
{
	return row->function->is_counted ? row->figures->hits : row->figures->calls;
}

static uint64_t probe_ns_of(const struct latency_row *row)
{
	return row->function->entry_ns + row->function->exit_ns;
}

void latency_row_json(struct json *json, const struct latency_row *row, uint64_t span_ns)
{
	uint64_t count = count_of(row);

	json_u64(json, "span_ns", span_ns);
	put_subject(json, row);
	json_u64(json, "count", count);
	json_double(json, "rate_per_s", span_ns ? (double)count * 1e9 / (double)span_ns : 0);
	json_u64(json, "errors", latency_errors(row));
	put_figures(json, row->figures);
	json_double(json, "error_pct", LATENCY_ERROR_PCT);
	if (row->http) {
		put_http(json, row->http);
	} else {
		json_u64(json, "unseen", row->figures->unseen);
		json_u64(json, "cut", row->figures->cut);
		put_u64_or_null(json, "probe_ns", probe_ns_of(row), probe_ns_of(row) > 0);
	}
	json_text(json, "how", row->function->how);
}

static void put_json_row(struct latency_target *target, const struct latency_report *report,
			 const struct latency_row *row)
{
	struct json json;

	json_begin(&json, target->out, false);
	json_object(&json, NULL);
	json_u64(&json, "time_unix_ns", report->at_mono_ns + target->unix_offset_ns);
	latency_row_json(&json, row, report->span_ns);
	if (report->coverage)
		latency_coverage_json(&json, report->coverage);
	json_bool(&json, "final", report->is_final);
	json_object_end(&json);
	putc('\n', target->out);
}

static int put_json(struct latency_target *target, const struct latency_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		put_json_row(target, report, &report->rows[i]);
	return 0;
}

static void put_json_exchange(struct json *json, const struct latency_exchange *http)
{
	json_text(json, "request", http->request);
	json_bool(json, "cut", http->is_cut);
	put_u64_or_null(json, "port", http->port, http->port > 0);
	put_u64_or_null(json, "status", http->status, http->status > 0);
	put_u64_or_null(json, "queue_ns", http->queue_ns, http->queue_ns != LATENCY_NONE);
	json_u64(json, "service_ns", http->service_ns);
	put_u64_or_null(json, "request_bytes", http->in_bytes, latency_has_bytes(http->way));
	put_u64_or_null(json, "response_bytes", http->out_bytes, latency_has_bytes(http->way));
}

static int put_json_call(struct latency_target *target, const struct latency_call *call)
{
	struct json json;

	json_begin(&json, target->out, false);
	json_object(&json, NULL);
	json_u64(&json, "time_unix_ns", call->at_mono_ns + target->unix_offset_ns);
	json_text(&json, "call", call->function->name);
	json_u64(&json, "took_ns", call->took_ns);
	json_u64(&json, "pid", call->pid);
	json_u64(&json, "tid", call->tid);
	if (call->http)
		put_json_exchange(&json, call->http);
	if (!call->http || call->goroutine)
		put_u64_or_null(&json, "goroutine", call->goroutine, call->goroutine > 0);
	latency_args_json(&json, call->arguments);
	json_object_end(&json);
	putc('\n', target->out);
	return 0;
}

static void put_csv_text(FILE *out, const char *text)
{
	uint32_t character;

	putc('"', out);
	for (const char *from = text; (character = text_next(&text)) != 0; from = text) {
		if (character == UINT32_MAX)
			fprintf(out, "\\x%02x", (unsigned char)*from);
		else if (character < ' ')
			putc(' ', out);
		else
			fwrite(from, (size_t)(text - from), 1, out);
		if (character == '"')
			putc('"', out);
	}
	putc('"', out);
}

static int begin_csv(struct latency_target *target)
{
	FILE *out = target->out;

	if (target->per_call) {
		fputs("time_unix_ns,call,took_ns,pid,tid,", out);
		fputs(target->is_http ? "port,status,queue_ns,service_ns,request_bytes,"
					"response_bytes,request\n"
				      : "goroutine",
		      out);
		for (size_t i = 0; i < target->arg_count; i++)
			fprintf(out, ",arg%u", target->args[i].word + 1);
		if (!target->is_http)
			putc('\n', out);
		return 0;
	}
	fputs(target->is_http ? "time_unix_ns,span_ns,route,port"
			      : "time_unix_ns,span_ns,function,file",
	      out);
	fputs(",count,errors,mean_ns,p50_ns,p90_ns,p99_ns,p999_ns,max_ns,error_pct,", out);
	fputs(target->is_http ? "queue_p50_ns,queue_p99_ns,service_p50_ns,service_p99_ns,"
				"request_bytes,response_bytes,cpu_ns,cpu_requests,final\n"
			      : "unseen,cut,probe_ns,final\n",
	      out);
	return 0;
}

static void put_cell(FILE *out, uint64_t value, bool is_known)
{
	if (is_known)
		fprintf(out, "%lu", (unsigned long)value);
	putc(',', out);
}

static void put_share(FILE *out, const struct latency_figures *figures, double share)
{
	uint64_t ns = latency_quantile(figures, share);

	put_cell(out, ns, ns != LATENCY_NONE);
}

static void put_csv_http(FILE *out, const struct latency_http *http)
{
	put_share(out, &http->queue, 0.5);
	put_share(out, &http->queue, 0.99);
	put_share(out, &http->service, 0.5);
	put_share(out, &http->service, 0.99);
	put_cell(out, http->in_bytes, latency_has_bytes(http->way));
	put_cell(out, http->out_bytes, latency_has_bytes(http->way));
	put_cell(out, http->cpu_ns, http->cpu_requests[HTTP_CPU_KNOWN] > 0);
	put_cell(out, http->cpu_requests[HTTP_CPU_KNOWN], true);
}

static void put_csv_row(struct latency_target *target, const struct latency_report *report,
			const struct latency_row *row)
{
	const struct latency_figures *figures = row->figures;
	bool has_calls = figures->calls > 0;
	FILE *out = target->out;

	put_cell(out, report->at_mono_ns + target->unix_offset_ns, true);
	put_cell(out, report->span_ns, true);
	put_csv_text(out, row->function->name);
	putc(',', out);
	if (row->http) {
		put_cell(out, row->http->port, row->http->port > 0);
	} else {
		put_csv_text(out, row->function->file);
		putc(',', out);
	}
	put_cell(out, count_of(row), true);
	put_cell(out, latency_errors(row), true);
	put_cell(out, has_calls ? figures->sum_ns / figures->calls : 0, has_calls);
	for (size_t i = 0; i < LATENCY_SHARES; i++)
		put_share(out, figures, latency_shares[i].share);
	put_cell(out, figures->max_ns, has_calls);
	fprintf(out, "%g,", LATENCY_ERROR_PCT);
	if (row->http) {
		put_csv_http(out, row->http);
	} else {
		put_cell(out, figures->unseen, true);
		put_cell(out, figures->cut, true);
		put_cell(out, probe_ns_of(row), probe_ns_of(row) > 0);
	}
	fputs(report->is_final ? "true\n" : "false\n", out);
}

static int put_csv(struct latency_target *target, const struct latency_report *report)
{
	for (size_t i = 0; !target->per_call && i < report->count; i++)
		put_csv_row(target, report, &report->rows[i]);
	return 0;
}

static void put_csv_exchange(FILE *out, const struct latency_exchange *http)
{
	put_cell(out, http->port, http->port > 0);
	put_cell(out, http->status, http->status > 0);
	put_cell(out, http->queue_ns, http->queue_ns != LATENCY_NONE);
	put_cell(out, http->service_ns, true);
	put_cell(out, http->in_bytes, latency_has_bytes(http->way));
	put_cell(out, http->out_bytes, latency_has_bytes(http->way));
	put_csv_text(out, http->request);
}

/* Empty: it could not be read. */
static void put_csv_arguments(FILE *out, const struct latency_arguments *arguments)
{
	for (size_t i = 0; i < arguments->count; i++) {
		const struct latency_argument *one = &arguments->list[i];

		putc(',', out);
		if (!latency_arg_is_known(one))
			continue;
		if (latency_arg_is_text(one))
			put_csv_text(out, one->text);
		else
			fprintf(out, "%ld", (long)one->value);
	}
}

static int put_csv_call(struct latency_target *target, const struct latency_call *call)
{
	FILE *out = target->out;

	put_cell(out, call->at_mono_ns + target->unix_offset_ns, true);
	put_csv_text(out, call->function->name);
	putc(',', out);
	put_cell(out, call->took_ns, true);
	put_cell(out, call->pid, true);
	put_cell(out, call->tid, true);
	if (call->http)
		put_csv_exchange(out, call->http);
	else if (call->goroutine)
		fprintf(out, "%lu", (unsigned long)call->goroutine);
	if (call->arguments)
		put_csv_arguments(out, call->arguments);
	putc('\n', out);
	return 0;
}

const struct latency_sink show_latency_json = {
	.name = "json",
	.call = put_json_call,
	.report = put_json,
	.why = latency_why_json,
};

const struct latency_sink show_latency_csv = {
	.name = "csv",
	.begin = begin_csv,
	.call = put_csv_call,
	.report = put_csv,
};
