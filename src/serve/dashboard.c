/* SPDX-License-Identifier: MIT */
/* dashboard.c - the paths and shapes of an older dashboard's backend, for its front ends: /api/metrics/...
 *
 * As there, a limit that makes no sense is the usual one; `limit` tells which was taken.  New beside `count`
 * and `data`: `lost`, `limit`, `truncated`.  An error is {"error": "..."}.
 */
#include "store/dashboard.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "serve/answers.h"
#include "serve/rows.h"

static const struct table {
	const char *path, *view, *collector;
} tables[] = {
	{ "/api/metrics/processes", "processes", "process" },
	{ "/api/metrics/network", "network_connections", "tcp" },
	{ "/api/metrics/disk", "disk_latency", "disk" },
	{ "/api/metrics/cpuprofile", "cpu_profiles", "profile" },
	{ "/api/metrics/tcplife", "tcp_lifecycle", "tcp" },
	{ "/api/metrics/syscalls", "syscall_stats", "syscall" },
};

const struct query_parameter dashboard_parameters[] = {
	{ "limit",
	  "rows at most; the usual number where that is of no sense: [dashboard] default_limit, max_limit",
	  "integer" },
	{ 0 },
};

int answer_dashboard_health(struct api *api, const struct request *request,
			    struct response *response)
{
	(void)request;
	return answer_health(api, response, "healthy", "degraded", "ebpf-dashboard");
}

struct writing {
	struct json json;
	uint64_t count;
};

static void put_timestamp(struct json *json, const struct dashboard_cell *cell)
{
	char text[40];

	snprintf(text, sizeof(text), "%sZ", cell->text);
	if (strlen(text) > 10)
		text[10] = 'T';
	json_text(json, cell->name, text);
}

static int put_row(void *context, const struct dashboard_cell *cells, size_t count)
{
	struct writing *writing = context;
	struct json *json = &writing->json;

	json_object(json, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct dashboard_cell *cell = &cells[i];

		if (cell->kind == DASHBOARD_WHOLE)
			json_i64(json, cell->name, cell->whole);
		else if (cell->kind == DASHBOARD_REAL)
			json_double(json, cell->name, cell->real);
		else if (cell->kind == DASHBOARD_TEXT && strcmp(cell->name, "timestamp") == 0)
			put_timestamp(json, cell);
		else
			json_text(json, cell->name, cell->text);
	}
	json_object_end(json);
	writing->count++;
	return 0;
}

static uint64_t read_limit(const struct config *config, const struct request *request)
{
	const char *text = request_parameter(request, "limit");
	uint64_t limit = config->dashboard.default_limit, most = config->dashboard.max_limit;

	if (!text || number_parse(text, 1, INT64_MAX, &limit)) {
		error_clear();
		limit = config->dashboard.default_limit;
	}
	return limit < most ? limit : most;
}

static int put_error(struct response *response)
{
	struct json json;
	FILE *out = response_open_object(response, 500, &json);

	if (!out)
		return -ENOMEM;
	json_text(&json, "error", error_text());
	json_object_end(&json);
	error_clear();
	return response_close(response, out);
}

static int put_table(struct store_reader *reader, const struct table *table, uint64_t limit,
		     struct response *response)
{
	struct writing writing = { 0 };
	uint64_t lost = 0;
	FILE *out = response_open_object(response, 200, &writing.json);
	int err;

	if (!out)
		return -ENOMEM;
	json_array(&writing.json, "data");
	err = dashboard_read(reader, table->view, limit, put_row, &writing);
	json_array_end(&writing.json);
	err = err ?: store_read_losses(reader, 0, 0, table->collector, &lost);
	json_u64(&writing.json, "count", writing.count);
	json_u64(&writing.json, "limit", limit);
	json_bool(&writing.json, "truncated", writing.count == limit);
	rows_put_lost(&writing.json, lost);
	json_object(&writing.json, "coverage");
	json_array(&writing.json, "not_measured");
	json_text(
		&writing.json, NULL,
		"what was not seen is 0 or empty: the process of a connection, how long one that was "
		"there before kymo lasted, the arguments of a process that was gone");
	json_array_end(&writing.json);
	json_object_end(&writing.json);
	return response_close_object(response, &writing.json, out) ?: err;
}

int answer_dashboard(struct api *api, const struct request *request, struct response *response)
{
	const struct table *table = tables;
	struct store_reader *reader;
	int err = api_reader(api, &reader);

	while (strcmp(table->path, request->path) != 0)
		table++; /* the route is one of them */
	err = err ?: put_table(reader, table, read_limit(api->config, request), response);
	return err ? put_error(response) : 0;
}
