/* SPDX-License-Identifier: MIT */
/* timeseries.c - numbers by steps of time: CPU time by who used it, how many records there were of each
 * kind, and sums of a column of records.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "serve/answers.h"
#include "serve/profiles.h"
#include "serve/question.h"
#include "serve/rows.h"
#include "serve/span.h"
#include "serve/steps.h"
#include "store/curves.h"

#define LINES 10 /* if nothing is said */

const struct query_parameter timeseries_parameters[] = {
	SAMPLES_PARAMETERS,
	{ "metric",
	  "cpu: time by 'kind', on CPUs, waiting or both; runq: time that threads waited for a CPU; events: how "
	  "many records there were",
	  "string" },
	{ "by",
	  "comm, thread, pid, all, or kind: what the CPU was in, and what waits were for; of runq comm, pid or all",
	  "string" },
	{ "type", "of events: kinds: process.exec,tcp, ...; all if left out", "string" },
	{ "step", "length of a step: 10s, 1m; about 200 steps if left out", "string" },
	{ "top", "lines at most; 10 if left out; the rest is added up", "integer" },
	{ 0 },
};

static int read_key(const struct request *request, enum curves_key *ret_key)
{
	static const char *const names[CURVES_KEY_COUNT] = {
		[CURVES_ALL] = "all", [CURVES_COMM] = "comm", [CURVES_THREAD] = "thread",
		[CURVES_PID] = "pid", [CURVES_KIND] = "kind",
	};
	const char *by = request_parameter(request, "by") ?: "comm";

	for (int i = 0; i < CURVES_KEY_COUNT; i++)
		if (strcmp(by, names[i]) == 0) {
			*ret_key = (enum curves_key)i;
			return 0;
		}
	return fail(-EINVAL, "'by' is comm, thread, pid, kind or all");
}

/* null: nothing is known of this step. */
static void put_values(struct json *json, const struct curves *series, const uint64_t *values)
{
	json_array(json, "values");
	for (size_t i = 0; i < series->steps; i++)
		if (values[i] || !series->covered_ns || series->covered_ns[i])
			json_u64(json, NULL, values[i]);
		else
			json_null(json, NULL);
	json_array_end(json);
}

static void put_line(struct json *json, const struct curves *series, const struct curve *line,
		     bool is_pid)
{
	json_object(json, NULL);
	json_text(json, "name", line->name);
	if (is_pid)
		json_u64(json, "pid", line->key);
	rows_put_u64(json, "total", line->total);
	put_values(json, series, line->values);
	json_object_end(json);
}

static int put_series(const struct curves *series, const char *metric, const char *unit,
		      bool is_pid, struct response *response)
{
	struct json json;
	FILE *out = response_open_object(response, 200, &json);

	if (!out)
		return -ENOMEM;
	json_text(&json, "metric", metric);
	json_text(&json, "unit", unit);
	steps_put(&json, series->start_unix_ns, series->step_ns, series->steps);
	if (series->rolled_up_s)
		rows_put_u64(&json, "rolled_up_ns", series->rolled_up_s * NS_PER_S);
	json_array(&json, "series");
	vec_each(line, &series->lines)
		put_line(&json, series, line, is_pid);
	json_array_end(&json);
	json_object(&json, "others");
	json_u64(&json, "lines", series->others_count);
	rows_put_u64(&json, "total", series->others_total);
	put_values(&json, series, series->others);
	json_object_end(&json);
	if (series->covered_ns) {
		json_array(&json, "covered_ns");
		for (size_t i = 0; i < series->steps; i++)
			json_u64(&json, NULL, series->covered_ns[i]);
		json_array_end(&json);
	}
	rows_put_lost(&json, series->lost);
	return response_close_object(response, &json, out);
}

static int answer_cpu(struct store_reader *reader, const struct request *request,
		      const struct profile_query *query, struct curves *series,
		      struct response *response)
{
	enum curves_key key = CURVES_COMM;
	uint64_t top = LINES;
	int err = read_key(request, &key);

	err = err ?: span_number(request, "top", 1, CURVES_MAX_LINES, &top);
	err = err ?: curves_read_cpu(reader, query, key, top, series);
	return err
		       ?: put_series(series, profile_kinds[query->time], "ns", key == CURVES_PID,
				     response);
}

static int answer_runq(struct store_reader *reader, const struct request *request,
		       const struct profile_query *query, struct curves *series,
		       struct response *response)
{
	enum curves_key key = CURVES_COMM;
	uint64_t top = LINES;
	int err = read_key(request, &key);

	if (!err && (key == CURVES_THREAD || key == CURVES_KIND))
		err = fail(-EINVAL, "'by' of metric=runq is comm, pid or all");
	if (!err && (query->container || request_parameter(request, "kind")))
		err = fail(-EINVAL, "'kind' and 'container' belong to metric=cpu");
	err = err ?: span_number(request, "top", 1, CURVES_MAX_LINES, &top);
	err = err ?: curves_read_runq(reader, query, key, top, series);
	return err ?: put_series(series, "runq", "ns", key == CURVES_PID, response);
}

static int answer_events(struct api *api, struct store_reader *reader,
			 const struct request *request, const struct profile_query *query,
			 struct curves *series, struct response *response)
{
	static const char *const of_cpu[] = { "pid", "comm", "container", "kind", "by", "top" };
	struct question question = { 0 };
	const char *type = request_parameter(request, "type");
	size_t kept = 0;
	int err;

	for (size_t i = 0; i < array_len(of_cpu); i++)
		if (request_parameter(request, of_cpu[i]))
			return fail(-EINVAL, "'%s' belongs to metric=cpu", of_cpu[i]);
	err = question_add_kinds(&question, api, type);

	/* How many rows a table has says nothing of what happened. */
	vec_each(schema, &question.schemas)
		if ((*schema)->shape == SCHEMA_EVENTS)
			question.schemas.data[kept++] = *schema;
	question.schemas.len = kept;
	err = err ?: vec_push(&question.schemas, NULL);
	err = err ?: curves_read_counts(reader, question.schemas.data, series);
	err = err
		      ?: question_lost(reader, &question, query->start_unix_ns, query->end_unix_ns,
				       &series->lost);
	err = err ?: put_series(series, "events", "records", false, response);
	question_done(&question);
	return err;
}

int answer_timeseries(struct api *api, const struct request *request, struct response *response)
{
	const char *metric = request_parameter(request, "metric") ?: "cpu";
	struct profile_query query = { 0 };
	struct curves series = { 0 };
	struct store_reader *reader;
	bool is_of_samples = strcmp(metric, "events") != 0;
	uint64_t step = 0;
	int err = span_check_parameters(request, timeseries_parameters);

	err = err ?: span_read_samples(request, &query);
	err = err
		      ?: steps_read(request, query.end_unix_ns - query.start_unix_ns,
				    is_of_samples ? api->config->profile.slice_s * NS_PER_S
						  : NS_PER_S,
				    &step);
	err = err ?: curves_init(&series, query.start_unix_ns, query.end_unix_ns, step);
	err = err ?: api_reader(api, &reader);
	if (!err && strcmp(metric, "cpu") == 0)
		err = answer_cpu(reader, request, &query, &series, response);
	else if (!err && strcmp(metric, "runq") == 0)
		err = answer_runq(reader, request, &query, &series, response);
	else if (!err && strcmp(metric, "events") == 0)
		err = answer_events(api, reader, request, &query, &series, response);
	else if (!err)
		err = fail(-EINVAL, "'metric' is cpu, runq or events");
	curves_done(&series);
	return err;
}
