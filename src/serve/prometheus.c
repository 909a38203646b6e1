/* SPDX-License-Identifier: MIT */
/* prometheus.c - the HTTP API of Prometheus below /prometheus, as far as Grafana asks for it.
 *
 * Questions come in the address or as a form.  What is asked for are the counters and histograms of the store
 * (store/rollup.h), by expressions of promql.h.  Names that the API has and we do not know are passed over, as
 * Prometheus does; the range of time of labels and series, too: those that are kept are told.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "serve/answers.h"
#include "serve/promql.h"
#include "serve/question.h"
#include "store/rollup_read.h"

const struct query_parameter prometheus_query_parameters[] = {
	{ "query", "an expression", "string" },
	{ "time", "seconds since 1970 or RFC 3339; now if left out", "string" },
	{ 0 },
};

const struct query_parameter prometheus_range_parameters[] = {
	{ "query", "an expression", "string" },
	{ "start", "seconds since 1970 or RFC 3339", "string" },
	{ "end", "likewise", "string" },
	{ "step", "seconds, or 15s, 1m", "string" },
	{ 0 },
};

const struct query_parameter prometheus_match_parameters[] = {
	{ "match[]", "a selector; may be there several times", "string" },
	{ "limit", "names at most; all if left out", "integer" },
	{ 0 },
};

const struct query_parameter prometheus_metadata_parameters[] = {
	{ "metric", "one of them; all if left out", "string" },
	{ 0 },
};

/* The errors of the API are its own. */
static int put_error(struct response *response, int err)
{
	FILE *out;
	struct json json;
	char text[512];

	if (err == -ENOMEM)
		return err;
	snprintf(text, sizeof(text), "%s%s%s", *error_text() ? error_text() : strerror(-err),
		 *error_hint() ? "; " : "", error_hint());
	error_clear();
	out = response_open_object(response,
				   err == -EINVAL  ? 400
				   : err == -ETIME ? 503
				   : err == -E2BIG ? 422
						   : 500,
				   &json);
	if (!out)
		return -ENOMEM;
	json_text(&json, "status", "error");
	json_text(&json, "errorType",
		  err == -EINVAL  ? "bad_data"
		  : err == -ETIME ? "timeout"
		  : err == -E2BIG ? "execution"
				  : "internal");
	json_text(&json, "error", text);
	json_object_end(&json);
	return response_close(response, out);
}

static FILE *begin(struct response *response, struct json *json)
{
	FILE *out = response_open_object(response, 200, json);

	if (!out)
		return NULL;
	json_text(json, "status", "success");
	return out;
}

static int finish(struct response *response, struct json *json, FILE *out)
{
	json_object_end(json);
	return response_close(response, out);
}

static int read_time(const char *text, uint64_t *ret_ms)
{
	uint64_t ns;
	double seconds;
	char *end;
	int err;

	seconds = strtod(text, &end);
	if (end != text && !*end) {
		if (!(seconds >= 0 && seconds < 1e11))
			return fail(-EINVAL, "'%s' is no time", text);
		*ret_ms = (uint64_t)(seconds * 1000 + 0.5);
		return 0;
	}
	err = question_time(text, clock_unix_ns(), &ns);
	if (!err)
		*ret_ms = ns / NS_PER_MS;
	return err;
}

static int read_step(const char *text, uint64_t *ret_ms)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (end != text && !*end && seconds >= 0.001 && seconds < 1e10)
		*ret_ms = (uint64_t)(seconds * 1000 + 0.5);
	else if (promql_parse_duration(text, ret_ms) || !*ret_ms)
		return fail(-EINVAL, "'step' is a number of seconds above 0, or 15s, 1m");
	return 0;
}

/* In as few digits as say the same. */
static void put_value(struct json *json, double value)
{
	char text[40];

	if (isnan(value))
		snprintf(text, sizeof(text), "NaN");
	else if (isinf(value))
		snprintf(text, sizeof(text), value > 0 ? "+Inf" : "-Inf");
	else
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof(text), "%.*g", digits, value);
			if (strtod(text, NULL) == value)
				break;
		}
	json_text(json, NULL, text);
}

static void put_point(struct json *json, const char *key, uint64_t ms, double value)
{
	char time[32];

	snprintf(time, sizeof(time), "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
	json_array(json, key);
	json_raw(json, NULL, time);
	put_value(json, value);
	json_array_end(json);
}

static void put_labels(struct json *json, const char *key, const struct promql_labels *labels)
{
	json_object(json, key);
	vec_each(label, &labels->list)
		json_text(json, label->name, label->value);
	json_object_end(json);
}

static void put_line(struct json *json, const struct promql_grid *grid,
		     const struct promql_line *line)
{
	size_t count = 0;

	for (size_t i = 0; i < grid->count; i++)
		count += !promql_is_absent(line->values[i]);
	if (!count)
		return;
	json_object(json, NULL);
	put_labels(json, "metric", &line->labels);
	if (grid->is_instant) {
		put_point(json, "value", grid->start_ms, line->values[0]);
	} else {
		json_array(json, "values");
		for (size_t i = 0; i < grid->count; i++)
			if (!promql_is_absent(line->values[i]))
				put_point(json, NULL, grid->start_ms + i * grid->step_ms,
					  line->values[i]);
		json_array_end(json);
	}
	json_object_end(json);
}

static int put_result(struct response *response, const struct promql_grid *grid,
		      const struct promql_result *result)
{
	struct json json;
	FILE *out = begin(response, &json);

	if (!out)
		return -ENOMEM;
	json_object(&json, "data");
	if (grid->is_instant && result->is_scalar) {
		json_text(&json, "resultType", "scalar");
		put_point(&json, "result", grid->start_ms, result->lines.data[0].values[0]);
	} else {
		json_text(&json, "resultType", grid->is_instant ? "vector" : "matrix");
		json_array(&json, "result");
		vec_each(line, &result->lines)
			put_line(&json, grid, line);
		json_array_end(&json);
	}
	json_object_end(&json);
	return finish(response, &json, out);
}

static int answer(struct api *api, const struct request *request, const struct promql_grid *grid,
		  struct response *response)
{
	const char *text = request_parameter(request, "query");
	own(promql_freep) struct promql_node *node = NULL;
	struct promql_result result = { 0 };
	struct store_reader *reader = NULL;
	int err = text ? promql_parse(text, &node) : fail(-EINVAL, "'query' is missing");

	err = err ?: api_reader(api, &reader);
	if (!err) {
		rollup_begin(reader);
		err = promql_evaluate(reader, node, grid, &result);
		rollup_end(reader);
	}
	err = err ? put_error(response, err) : put_result(response, grid, &result);
	promql_result_done(&result);
	return err;
}

int answer_prometheus_query(struct api *api, const struct request *request,
			    struct response *response)
{
	const char *time = request_parameter(request, "time");
	struct promql_grid grid = { .start_ms = clock_unix_ns() / NS_PER_MS,
				    .step_ms = 1,
				    .count = 1,
				    .is_instant = true };
	int err = time ? read_time(time, &grid.start_ms) : 0;

	return err ? put_error(response, err) : answer(api, request, &grid, response);
}

static int read_grid(const struct request *request, struct promql_grid *grid)
{
	const char *start = request_parameter(request, "start");
	const char *end = request_parameter(request, "end");
	const char *step = request_parameter(request, "step");
	uint64_t end_ms = 0, points;
	int err = start && end && step ? 0 : fail(-EINVAL, "'start', 'end' and 'step' are needed");

	err = err ?: read_time(start, &grid->start_ms);
	err = err ?: read_time(end, &end_ms);
	err = err ?: read_step(step, &grid->step_ms);
	if (!err && end_ms < grid->start_ms)
		err = fail(-EINVAL, "'end' lies before 'start'");
	if (err)
		return err;
	points = (end_ms - grid->start_ms) / grid->step_ms + 1;
	grid->count = points < UINT32_MAX ? points : UINT32_MAX;
	return 0;
}

int answer_prometheus_range(struct api *api, const struct request *request,
			    struct response *response)
{
	struct promql_grid grid = { 0 };
	int err = read_grid(request, &grid);

	return err ? put_error(response, err) : answer(api, request, &grid, response);
}

/* Distinct texts, in order. */
struct words {
	vec(char *) list;
	const char *label; /* whose values are wanted; NULL: names of labels */
};

static int word_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_word(struct words *words, const char *text)
{
	char *copy;
	int err;

	vec_each(word, &words->list)
		if (strcmp(*word, text) == 0)
			return 0;
	copy = strdup(text);
	err = copy ? vec_push(&words->list, copy) : -ENOMEM;
	if (err)
		free(copy);
	return err;
}

static int take_words(void *context, const struct promql_series *series)
{
	struct words *words = context;
	int err = 0;

	if (words->label)
		return *promql_label(series->labels, words->label)
			       ? add_word(words, promql_label(series->labels, words->label))
			       : 0;
	vec_each(label, &series->labels->list)
		err = err ?: add_word(words, label->name);
	return err;
}

/* Every series that one of match[] names; without any, all. */
static int each_match(struct api *api, const struct request *request,
		      int (*each)(void *context, const struct promql_series *series), void *context)
{
	struct store_reader *reader = NULL;
	bool has_match = false;
	int err = api_reader(api, &reader);

	if (err)
		return err;
	rollup_begin(reader);
	vec_each(parameter, &request->parameters) {
		own(promql_freep) struct promql_node *node = NULL;

		if (err || strcmp(parameter->name, "match[]") != 0)
			continue;
		has_match = true;
		err = promql_parse_selector(parameter->value, &node);
		err = err ?: promql_each_series(reader, &node->selector, each, context);
	}
	if (!err && !has_match)
		err = promql_each_series(reader, NULL, each, context);
	rollup_end(reader);
	return err;
}

static int put_words(struct api *api, const struct request *request, const char *label,
		     struct response *response)
{
	struct words words = { .label = label };
	struct json json;
	FILE *out;
	int err = each_match(api, request, take_words, &words);

	if (words.list.len)
		qsort(words.list.data, words.list.len, sizeof(*words.list.data), word_order);
	if (err) {
		err = put_error(response, err);
	} else if ((out = begin(response, &json)) != NULL) {
		json_array(&json, "data");
		vec_each(word, &words.list)
			json_text(&json, NULL, *word);
		json_array_end(&json);
		err = finish(response, &json, out);
	} else {
		err = -ENOMEM;
	}
	vec_each(word, &words.list)
		free(*word);
	vec_done(&words.list);
	return err;
}

int answer_prometheus_labels(struct api *api, const struct request *request,
			     struct response *response)
{
	return put_words(api, request, NULL, response);
}

int answer_prometheus_values(struct api *api, const struct request *request,
			     struct response *response)
{
	return put_words(api, request, request->parts[0], response);
}

struct listing {
	vec(struct promql_labels) list;
};

static int take_listed(void *context, const struct promql_series *series)
{
	struct listing *listing = context;
	struct promql_labels labels = { 0 };
	int err;

	if (listing->list.len >= PROMQL_MAX_LINES)
		return fail(-E2BIG, "more than %d series are too many", PROMQL_MAX_LINES);
	err = promql_labels_copy(series->labels, &labels);
	err = err ?: vec_push(&listing->list, labels);
	if (err)
		promql_labels_done(&labels);
	return err;
}

int answer_prometheus_series(struct api *api, const struct request *request,
			     struct response *response)
{
	struct listing listing = { 0 };
	struct json json;
	FILE *out;
	int err = request_parameter(request, "match[]") ? 0 : fail(-EINVAL, "'match[]' is missing");

	err = err ?: each_match(api, request, take_listed, &listing);
	if (err) {
		err = put_error(response, err);
	} else if ((out = begin(response, &json)) != NULL) {
		json_array(&json, "data");
		vec_each(labels, &listing.list)
			put_labels(&json, NULL, labels);
		json_array_end(&json);
		err = finish(response, &json, out);
	} else {
		err = -ENOMEM;
	}
	vec_each(labels, &listing.list)
		promql_labels_done(labels);
	vec_done(&listing.list);
	return err;
}

int answer_prometheus_metadata(struct api *api, const struct request *request,
			       struct response *response)
{
	const char *wanted = request_parameter(request, "metric");
	struct json json;
	FILE *out = begin(response, &json);

	(void)api;
	if (!out)
		return -ENOMEM;
	json_object(&json, "data");
	for (const struct rollup_metric *metric = rollup_metrics; metric->name; metric++) {
		if (wanted && *wanted && strcmp(wanted, metric->name) != 0)
			continue;
		json_array(&json, metric->name);
		json_object(&json, NULL);
		json_text(&json, "type",
			  metric->shape == ROLLUP_HISTOGRAM ? "histogram" : "counter");
		json_text(&json, "help", metric->help);
		json_text(&json, "unit", "");
		json_object_end(&json);
		json_array_end(&json);
	}
	json_object_end(&json);
	return finish(response, &json, out);
}

int answer_prometheus_build(struct api *api, const struct request *request,
			    struct response *response)
{
	struct json json;
	FILE *out = begin(response, &json);

	(void)api;
	(void)request;
	if (!out)
		return -ENOMEM;
	json_object(&json, "data");
	json_text(&json, "application", "kymo");
	json_text(&json, "version", KYMO_VERSION);
	json_object_end(&json);
	return finish(response, &json, out);
}

/* There are no exemplars, and no rules. */
int answer_prometheus_exemplars(struct api *api, const struct request *request,
				struct response *response)
{
	struct json json;
	FILE *out = begin(response, &json);

	(void)api;
	(void)request;
	if (!out)
		return -ENOMEM;
	json_array(&json, "data");
	json_array_end(&json);
	return finish(response, &json, out);
}

int answer_prometheus_rules(struct api *api, const struct request *request,
			    struct response *response)
{
	struct json json;
	FILE *out = begin(response, &json);

	(void)api;
	(void)request;
	if (!out)
		return -ENOMEM;
	json_object(&json, "data");
	json_array(&json, "groups");
	json_array_end(&json);
	json_object_end(&json);
	return finish(response, &json, out);
}
