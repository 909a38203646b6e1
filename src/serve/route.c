/* SPDX-License-Identifier: MIT */
#include "serve/route.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "serve/answers.h"

#define PAGE_PARAMETERS                                                                            \
	{ "start", "from when on: 2025-10-28T13:47:15Z, a number since 1970, or -15m", "string" }, \
		{ "end", "until when, likewise; that instant is left out", "string" },             \
		{ "limit", "how many at most, 100 if left out", "integer" },                       \
		{ "cursor", "'next_cursor' of the page before", "string" },                        \
		{ "order", "desc: the newest first; or asc", "string" },                           \
	{                                                                                          \
		"format",                                                                          \
			"json; or ndjson: an object a line, without what was lost and the cursor", \
			"string"                                                                   \
	}

/* Besides these, the columns of the records are parameters, too. */
static const struct query_parameter record_parameters[] = {
	{ "type", "kinds: process.exec,tcp, ...; all if left out", "string" },
	PAGE_PARAMETERS,
	{ 0 },
};

static const struct query_parameter page_parameters[] = {
	PAGE_PARAMETERS,
	{ 0 },
};

static const struct query_parameter collector_parameters[] = {
	{ "event", "only these records of the collector: exec,exit", "string" },
	PAGE_PARAMETERS,
	{ 0 },
};

static const struct query_parameter stream_parameters[] = {
	{ "type", "kinds: process.exec,tcp, ...; all if left out", "string" },
	{ "after", "go on behind this id, as Last-Event-ID does", "string" },
	{ 0 },
};

const struct route routes[] = {
	{ .path = "/",
	  .help = "the page: what this machine does with its time",
	  .type = "text/html",
	  .answer = answer_page,
	  .at_once = true,
	  .is_open = true },
	{ .path = "/page.js",
	  .help = "the script of that page",
	  .type = "text/javascript",
	  .answer = answer_page_script,
	  .at_once = true,
	  .is_open = true },
	{ .path = "/page.css",
	  .help = "how that page looks",
	  .type = "text/css",
	  .answer = answer_page_style,
	  .at_once = true,
	  .is_open = true },
	{ .path = "/plain",
	  .help = "how the daemon is, for a browser without scripts",
	  .type = "text/html",
	  .answer = answer_home,
	  .at_once = true },
	{ .path = "/style.css",
	  .help = "how the plain page looks",
	  .type = "text/css",
	  .answer = answer_style,
	  .at_once = true },
	{ .path = "/openapi.json", .help = "all of this, for programs", .answer = answer_openapi },
	{ .path = "/healthz",
	  .help = "200 while the daemon turns",
	  .answer = answer_healthz,
	  .at_once = true },
	{ .path = "/readyz",
	  .help = "200 while everything that is wanted is attached and the store can be written, else 503 with the reasons",
	  .answer = answer_readyz,
	  .at_once = true },
	{ .path = "/metrics",
	  .help = "the same in numbers, for Prometheus",
	  .type = "text/plain",
	  .answer = answer_metrics,
	  .at_once = true },
	{ .path = "/api/v1/status",
	  .help = "each collector's true state, losses, the store, and what kymo costs",
	  .answer = answer_status,
	  .at_once = true },
	{ .method = METHOD_PUT,
	  .path = "/api/v1/collectors/{name}",
	  .help = "switch a collector or 'profile': {\"on\": true}",
	  .body = switch_body,
	  .answer = answer_switch,
	  .at_once = true },
	{ .path = "/api/v1/events",
	  .help = "every event as it is committed, as server-sent events; goes on behind Last-Event-ID",
	  .parameters = stream_parameters,
	  .type = "text/event-stream",
	  .is_stream = true },
	{ .path = "/api/v1/profiles",
	  .help = "what the CPUs executed in a span of time, or where threads waited, added up",
	  .parameters = profile_parameters,
	  .answer = answer_profiles },
	{ .path = "/api/v1/profiles/diff",
	  .help = "two spans of time, or two processes, as one tree",
	  .parameters = diff_parameters,
	  .answer = answer_diff },
	{ .path = "/api/v1/sessions",
	  .help = "profiles on demand: those that run, and the results that have not expired",
	  .answer = answer_sessions,
	  .at_once = true },
	{ .method = METHOD_POST,
	  .path = "/api/v1/sessions",
	  .help = "profile a process, or the whole host, from now on",
	  .body = session_body,
	  .answer = answer_session_start,
	  .at_once = true },
	{ .path = "/api/v1/sessions/{id}",
	  .help = "how far a session is",
	  .answer = answer_session,
	  .at_once = true },
	{ .method = METHOD_DELETE,
	  .path = "/api/v1/sessions/{id}",
	  .help = "end a session that runs, without a result; forget one that is over",
	  .answer = answer_session_cancel,
	  .at_once = true },
	{ .path = "/api/v1/sessions/{id}/profile",
	  .help = "what a session sampled",
	  .parameters = session_profile_parameters,
	  .answer = answer_session_profile },
	{ .path = "/api/v1/latency",
	  .help = "functions and requests that are timed, and the results that have not expired",
	  .answer = answer_latencies,
	  .at_once = true },
	{ .method = METHOD_POST,
	  .path = "/api/v1/latency",
	  .help = "time the calls of functions, or the requests of HTTP servers, from now on",
	  .body = latency_body,
	  .answer = answer_latency_start },
	{ .path = "/api/v1/latency/functions",
	  .help = "functions by name, and how the calls of each would be seen",
	  .parameters = latency_function_parameters,
	  .answer = answer_latency_functions },
	{ .path = "/api/v1/latency/{id}",
	  .help = "what was counted so far, each function or route with its percentiles",
	  .parameters = latency_parameters,
	  .answer = answer_latency },
	{ .method = METHOD_DELETE,
	  .path = "/api/v1/latency/{id}",
	  .help = "end a measurement that runs, without a result; forget one that is over",
	  .answer = answer_latency_forget,
	  .at_once = true },
	{ .method = METHOD_POST,
	  .path = "/api/v1/latency/{id}/stop",
	  .help = "end a measurement that runs, with its result",
	  .answer = answer_latency_stop,
	  .at_once = true },
	{ .path = "/api/v1/latency/{id}/slow",
	  .help = "calls above slower_ms: the latest with what they waited for, and when it is over the slowest, with stacks",
	  .parameters = latency_slow_parameters,
	  .answer = answer_latency_slow },
	{ .path = "/api/v1/latency/{id}/profile",
	  .help = "where the slow calls ran and waited",
	  .parameters = session_profile_parameters,
	  .answer = answer_latency_profile },
	{ .path = "/api/v1/functions",
	  .help = "the functions in which the CPUs were in a span of time",
	  .parameters = function_parameters,
	  .answer = answer_functions },
	{ .path = "/api/v1/timeseries",
	  .help = "CPU time by who used it, or how many records there were, by steps of time",
	  .parameters = timeseries_parameters,
	  .answer = answer_timeseries },
	{ .path = "/api/v1/heatmap",
	  .help = "how many records had which duration, by steps of time",
	  .parameters = heatmap_parameters,
	  .answer = answer_heatmap },
	{ .path = "/api/v1/losses",
	  .help = "what was lost in a span of time, and when",
	  .parameters = loss_parameters,
	  .answer = answer_losses },
	{ .path = "/api/v1/records",
	  .help = "records of any kinds, in the order of time",
	  .parameters = record_parameters,
	  .answer = answer_records },
	{ .path = "/api/v1/processes",
	  .help = "processes that were there in a span of time, each once: what it was and what it used",
	  .parameters = page_parameters,
	  .records = "process.life",
	  .answer = answer_processes },
	{ .path = "/api/v1/connections",
	  .help = "TCP connections: the records of the collector 'tcp'",
	  .parameters = collector_parameters,
	  .records = "tcp",
	  .answer = answer_connections },
	{ .path = "/api/v1/incidents",
	  .help = "what triggers noticed in a span of time, each once",
	  .parameters = page_parameters,
	  .records = "incident.whole",
	  .answer = answer_incidents },
	{ .path = "/api/v1/incidents/{incident}",
	  .help = "one of them, by its seq, with links to what belongs to it",
	  .answer = answer_incident },
	{ .path = "/api/v1/{collector}",
	  .help = "the records of a collector",
	  .parameters = collector_parameters,
	  .answer = answer_collector },
	{ .path = "/prometheus/api/v1/query",
	  .help = "an expression of Prometheus at one instant; of the language as much as rates, sums and percentiles take",
	  .parameters = prometheus_query_parameters,
	  .answer = answer_prometheus_query },
	{ .method = METHOD_POST,
	  .path = "/prometheus/api/v1/query",
	  .help = "an expression of Prometheus at one instant; of the language as much as rates, sums and percentiles take",
	  .parameters = prometheus_query_parameters,
	  .answer = answer_prometheus_query,
	  .is_form = true },
	{ .path = "/prometheus/api/v1/query_range",
	  .help = "an expression of Prometheus through time",
	  .parameters = prometheus_range_parameters,
	  .answer = answer_prometheus_range },
	{ .method = METHOD_POST,
	  .path = "/prometheus/api/v1/query_range",
	  .help = "an expression of Prometheus through time",
	  .parameters = prometheus_range_parameters,
	  .answer = answer_prometheus_range,
	  .is_form = true },
	{ .path = "/prometheus/api/v1/labels",
	  .help = "names of labels of what is counted",
	  .parameters = prometheus_match_parameters,
	  .answer = answer_prometheus_labels },
	{ .method = METHOD_POST,
	  .path = "/prometheus/api/v1/labels",
	  .help = "names of labels of what is counted",
	  .parameters = prometheus_match_parameters,
	  .answer = answer_prometheus_labels,
	  .is_form = true },
	{ .path = "/prometheus/api/v1/label/{name}/values",
	  .help = "values of a label; of __name__ the names of metrics",
	  .parameters = prometheus_match_parameters,
	  .answer = answer_prometheus_values },
	{ .path = "/prometheus/api/v1/series",
	  .help = "series with all labels",
	  .parameters = prometheus_match_parameters,
	  .answer = answer_prometheus_series },
	{ .method = METHOD_POST,
	  .path = "/prometheus/api/v1/series",
	  .help = "series with all labels",
	  .parameters = prometheus_match_parameters,
	  .answer = answer_prometheus_series,
	  .is_form = true },
	{ .path = "/prometheus/api/v1/metadata",
	  .help = "types of metrics, and what they mean",
	  .parameters = prometheus_metadata_parameters,
	  .answer = answer_prometheus_metadata },
	{ .path = "/prometheus/api/v1/query_exemplars",
	  .help = "none; Grafana asks",
	  .answer = answer_prometheus_exemplars },
	{ .method = METHOD_POST,
	  .path = "/prometheus/api/v1/query_exemplars",
	  .help = "none; Grafana asks",
	  .answer = answer_prometheus_exemplars,
	  .is_form = true },
	{ .path = "/prometheus/api/v1/rules",
	  .help = "none; likewise",
	  .answer = answer_prometheus_rules },
	{ .path = "/prometheus/api/v1/status/buildinfo",
	  .help = "which kymo this is",
	  .answer = answer_prometheus_build },
	{ .path = "/api/metrics/processes",
	  .help = "execs, the newest first, in the shape of an older dashboard",
	  .parameters = dashboard_parameters,
	  .answer = answer_dashboard },
	{ .path = "/api/metrics/network",
	  .help = "connects, the newest first, in the shape of an older dashboard",
	  .parameters = dashboard_parameters,
	  .answer = answer_dashboard },
	{ .path = "/api/metrics/disk",
	  .help = "requests to disks by their time, the newest first, in the shape of an older dashboard",
	  .parameters = dashboard_parameters,
	  .answer = answer_dashboard },
	{ .path = "/api/metrics/cpuprofile",
	  .help = "samples of the last hour, the newest first, in the shape of an older dashboard",
	  .parameters = dashboard_parameters,
	  .answer = answer_dashboard },
	{ .path = "/api/metrics/tcplife",
	  .help = "connections that ended, the newest first, in the shape of an older dashboard",
	  .parameters = dashboard_parameters,
	  .answer = answer_dashboard },
	{ .path = "/api/metrics/syscalls",
	  .help = "system calls, the ten most frequent of each interval, the newest first, in the shape of an older dashboard",
	  .parameters = dashboard_parameters,
	  .answer = answer_dashboard },
	{ .path = "/health",
	  .help = "as /readyz, in the shape of an older dashboard",
	  .answer = answer_dashboard_health,
	  .at_once = true },
	{ 0 },
};

/* Whether a path fits; what stands for its open parts is appended. */
static int match(const char *pattern, const char *path, struct request *request, size_t *ret_parts)
{
	size_t count = 0;

	while (*pattern && *path) {
		size_t len = strcspn(path, "/");

		if (*pattern == '{') {
			if (!len)
				return 0;
			free(request->parts[count]);
			request->parts[count] = strndup(path, len);
			if (!request->parts[count])
				return -ENOMEM;
			count++;
			pattern = strchr(pattern, '}') + 1;
			path += len;
			continue;
		}
		if (*pattern++ != *path++)
			return 0;
	}
	*ret_parts = count;
	return !*pattern && !*path;
}

bool route_is_open(const char *path)
{
	for (const struct route *route = routes; route->path; route++)
		if (route->is_open && strcmp(route->path, path) == 0)
			return true;
	return false;
}

#define PARTS_MAX 4

const struct route *route_find(struct request *request, struct response *response)
{
	bool has_path = false;

	request->parts = calloc(PARTS_MAX + 1, sizeof(*request->parts));
	if (!request->parts) {
		response_problem(response, 500, NULL, "no memory");
		return NULL;
	}
	for (const struct route *route = routes; route->path; route++) {
		size_t parts;
		int fits = match(route->path, request->path, request, &parts);

		if (fits <= 0)
			continue;
		has_path = true;
		if (route->method != request->method)
			continue;
		for (; parts < PARTS_MAX; parts++) {
			free(request->parts[parts]);
			request->parts[parts] = NULL;
		}
		return route;
	}
	if (has_path)
		response_problem(response, 405, NULL, "'%s' is not answered with this method",
				 request->path);
	else
		response_problem(response, 404, "GET /openapi.json tells what there is",
				 "there is no '%s'", request->path);
	return NULL;
}

int api_reader(struct api *api, struct store_reader **ret_reader)
{
	int err = 0;

	if (!api->reader)
		err = store_reader_open(api->config->store.path, api->views, api->view_count,
					&api->reader);
	*ret_reader = api->reader;
	return err;
}
