/* SPDX-License-Identifier: MIT */
/* profiles.c - what the CPUs did in a span of time, from the samples in the store: in every format that
 * needs no single samples, as a tree for the page, and as a list of functions.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "report/top.h"
#include "serve/answers.h"
#include "serve/call_tree.h"
#include "serve/formats.h"
#include "serve/group.h"
#include "serve/profiles.h"
#include "serve/rows.h"
#include "serve/span.h"

#define FUNCTIONS_LIMIT     50
#define FUNCTIONS_LIMIT_MAX 10000

const struct query_parameter profile_parameters[] = {
	SAMPLES_PARAMETERS,
	{ "incident", "the profile of an incident, by its seq, instead of a span of time",
	  "integer" },
	{ "format", "json; or folded, svg, pprof, speedscope, firefox, tree", "string" },
	{ "min_share", "percent of the whole: lighter nodes are left out", "number" },
	GROUP_PARAMETER,
	{ 0 },
};

const struct query_parameter function_parameters[] = {
	SAMPLES_PARAMETERS,
	{ "limit", "how many at most, 50 if left out", "integer" },
	{ "sort", "self or total", "string" },
	{ 0 },
};

const char *const profile_kinds[PROFILE_KINDS] = {
	[PROFILE_RUNNING] = "cpu",
	[PROFILE_WAITING] = "off-cpu",
	[PROFILE_LIVING] = "wall",
};

static uint64_t lost_of(const struct coverage *coverage)
{
	vec_each(what, &coverage->not_measured)
		if (strcmp(*what, PROFILE_READ_GAP) == 0)
			return STORE_LOST_UNKNOWN;
	return coverage_lost(coverage);
}

void profile_put_head(struct json *json, const struct profile *profile,
		      const struct profile_query *query)
{
	json_text(json, "kind", profile_kinds[profile->time]);
	rows_put_instant(json, "start", query->start_unix_ns);
	rows_put_instant(json, "end", query->end_unix_ns);
	/* Slices are taken whole, so what they cover may begin before and end behind. */
	rows_put_u64(json, "covered_from_unix_ns", profile->started_unix_ns);
	rows_put_u64(json, "covered_to_unix_ns", profile->started_unix_ns + profile->duration_ns);
	json_u64(json, "samples", profile->samples);
	rows_put_u64(json, "total_ns", profile->weight_ns);
	json_u64(json, "rate_hz", profile->rate_hz);
	json_u64(json, "cpus", profile->cpus);
	json_text(json, "mode", profile->coverage.mode);
	rows_put_lost(json, lost_of(&profile->coverage));
	json_array(json, "not_measured");
	vec_each(what, &profile->coverage.not_measured)
		json_text(json, NULL, *what);
	json_array_end(json);
}

int answer_profiles(struct api *api, const struct request *request, struct response *response)
{
	const char *format = request_parameter(request, "format") ?: "json";
	bool is_tree = strcmp(format, "json") == 0;
	enum group group = GROUP_COMM;
	struct profile_query query = { 0 };
	own(profile_freep) struct profile *profile = NULL;
	const struct sink *sink = NULL;
	struct store_reader *reader;
	double min_share = is_tree ? CALL_TREE_SHARE_PCT : 0;
	uint64_t incident = 0;
	int err = span_check_parameters(request, profile_parameters);

	err = err ?: is_tree ? 0 : formats_find(format, false, &sink);
	err = err ?: span_read_samples(request, &query);
	err = err ?: span_number(request, "incident", 1, INT64_MAX, &incident);
	err = err ?: group_read(request, &group);
	err = err ?: span_min_share(request, &min_share);
	err = err ?: api_reader(api, &reader);
	if (!err && incident)
		err = profile_find_incident(reader, incident, &query);
	err = err ?: profile_read(reader, &query, sink && sink->every_sample, &profile);
	err = err ?: is_tree ? group_apply(profile, group, reader, &query) : 0;
	if (err)
		return err;
	return is_tree ? formats_put_tree(profile, &query, min_share, group != GROUP_NONE, response)
		       : formats_put(sink, profile, "from the store of kymo", min_share, response);
}

static void put_function(struct json *json, const struct flame *flame, const struct top_row *row)
{
	const struct flame_function *function = &flame->functions.data[row->function];

	json_object(json, NULL);
	json_text(json, "function", flame_function_text(flame, function));
	json_text(json, "module", profile_text(flame->profile, function->module));
	json_text(json, "kind", call_tree_kind(function->kind));
	json_text(json, "source", profile_text(flame->profile, function->source));
	json_u64(json, "self_samples", row->self_samples);
	rows_put_u64(json, "self_ns", row->self_ns);
	json_u64(json, "total_samples", row->samples);
	rows_put_u64(json, "total_ns", row->ns);
	json_object_end(json);
}

static int by_total(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return x->ns != y->ns ? x->ns < y->ns ? 1 : -1 : 0;
}

static int put_functions(const struct profile *profile, const struct profile_query *query,
			 const struct flame *flame, const struct top *top, uint64_t limit,
			 struct response *response)
{
	struct json json;
	FILE *out = response_open_object(response, 200, &json);
	size_t count = 0;

	if (!out)
		return -ENOMEM;
	json_array(&json, "data");
	vec_each(row, &top->rows)
		if (count < limit) {
			put_function(&json, flame, row);
			count++;
		}
	json_array_end(&json);
	json_u64(&json, "count", count);
	json_u64(&json, "functions", top->rows.len);
	profile_put_head(&json, profile, query);
	return response_close_object(response, &json, out);
}

static int read_sort(const struct request *request, bool *ret_by_total)
{
	const char *sort = request_parameter(request, "sort") ?: "self";

	*ret_by_total = strcmp(sort, "total") == 0;
	return *ret_by_total || strcmp(sort, "self") == 0
		       ? 0
		       : fail(-EINVAL, "'sort' is self or total");
}

int answer_functions(struct api *api, const struct request *request, struct response *response)
{
	struct profile_query query = { 0 };
	own(profile_freep) struct profile *profile = NULL;
	struct store_reader *reader;
	struct flame flame = { 0 };
	struct top top = { 0 };
	uint64_t limit = FUNCTIONS_LIMIT;
	bool is_by_total;
	int err = span_check_parameters(request, function_parameters);

	err = err ?: span_read_samples(request, &query);
	err = err ?: span_number(request, "limit", 1, FUNCTIONS_LIMIT_MAX, &limit);
	err = err ?: read_sort(request, &is_by_total);
	err = err ?: api_reader(api, &reader);
	err = err ?: profile_read(reader, &query, false, &profile);
	if (err)
		return err;
	err = flame_build(&flame, profile, false, false);
	err = err ?: top_build(&top, &flame);
	if (!err && is_by_total && top.rows.len)
		qsort(top.rows.data, top.rows.len, sizeof(*top.rows.data), by_total);
	err = err ?: put_functions(profile, &query, &flame, &top, limit, response);
	top_done(&top);
	flame_done(&flame);
	return err;
}
