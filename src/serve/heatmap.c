/* SPDX-License-Identifier: MIT */
/* heatmap.c - durations of records through time: for each step, how many fell into which bucket.
 *
 * A column of a histogram brings its buckets; of a number each record brings one.  Buckets are powers of 2
 * (model/histogram.h); those at the ends that nothing fell into are left out.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_read.h"
#include "model/histogram.h"
#include "serve/answers.h"
#include "serve/question.h"
#include "serve/rows.h"
#include "serve/span.h"
#include "serve/steps.h"
#include "store/curves.h"

const struct query_parameter heatmap_parameters[] = {
	SPAN_PARAMETERS,
	{ "type", "one kind of records: disk.latency, disk.io, tcp.connect, runq.host", "string" },
	{ "column", "its duration: service, latency_ns; the first one if left out", "string" },
	{ "step", "length of a step: 10s, 1m; about 200 steps if left out", "string" },
	{ 0 },
};

struct map {
	const char *column; /* as it was asked for; NULL: the first that has a duration */
	const struct schema *schema;
	size_t at; /* number of the column; of a histogram that of its buckets */
	bool is_histogram;
	uint64_t start_unix_ns, step_ns;
	size_t steps;
	uint64_t *counts; /* by step, then bucket */
	uint64_t total;
	uint32_t low, high; /* buckets in use */
};

static bool is_duration(const struct column *column)
{
	return column->part == PART_BUCKETS ||
	       (column->part == PART_WHOLE && column->kind == COLUMN_NUMBER &&
		column->field->unit == UNIT_NS);
}

static bool is_named(const struct column *column, const char *name)
{
	return strcmp(column->field->name, name) == 0 || strcmp(column->field->key, name) == 0;
}

static int find_column(struct map *map, const struct columns *columns)
{
	vec_each(column, &columns->list) {
		if (!is_duration(column) || (map->column && !is_named(column, map->column)))
			continue;
		map->at = (size_t)(column - columns->list.data);
		map->is_histogram = column->part == PART_BUCKETS;
		map->column = column->field->name;
		return 0;
	}
	if (!map->column)
		return fail(-EINVAL, "%s.%s has no duration", map->schema->collector,
			    map->schema->event);
	return fail(-EINVAL, "%s.%s has no duration '%s'", map->schema->collector,
		    map->schema->event, map->column);
}

static void count(struct map *map, size_t step, uint64_t value, uint64_t count)
{
	uint32_t bucket = histogram_bucket(value);

	if (bucket >= HISTOGRAM_BUCKETS)
		bucket = HISTOGRAM_BUCKETS - 1;
	map->counts[step * HISTOGRAM_BUCKETS + bucket] += count;
	map->low = bucket < map->low ? bucket : map->low;
	map->high = bucket > map->high ? bucket : map->high;
	map->total += count;
}

/* [[at least, at most, how many], ...] */
static void count_buckets(struct map *map, size_t step, const char *text)
{
	struct json_reader reader;
	enum json_token token;
	double numbers[3];
	size_t filled = 0;

	json_read_begin(&reader, text, strlen(text));
	while ((token = json_read(&reader)) != JSON_END && token != JSON_BAD) {
		if (token == JSON_ARRAY)
			filled = 0;
		else if (token == JSON_NUMBER && filled < array_len(numbers))
			numbers[filled++] = reader.number;
		else if (token == JSON_ARRAY_END && filled == array_len(numbers)) {
			count(map, step, (uint64_t)numbers[0], (uint64_t)numbers[2]);
			filled = 0;
		}
	}
}

static int take_row(void *context, struct store_row *row)
{
	struct map *map = context;
	struct store_value value = store_row_value(row, map->at);
	size_t step = (store_row_at(row) - map->start_unix_ns) / map->step_ns;

	if (step >= map->steps || value.kind == STORE_NULL)
		return 0;
	if (!map->is_histogram)
		count(map, step, (uint64_t)value.number, 1);
	else if (value.kind == STORE_TEXT)
		count_buckets(map, step, value.text);
	return 0;
}

static void put_cells(struct json *json, const struct map *map)
{
	json_array(json, "buckets_ns");
	for (uint32_t i = map->low; map->total && i <= map->high; i++) {
		json_array(json, NULL);
		rows_put_u64(json, NULL, histogram_low(i));
		rows_put_u64(json, NULL, histogram_high(i));
		json_array_end(json);
	}
	json_array_end(json);
	json_array(json, "cells");
	for (size_t step = 0; map->total && step < map->steps; step++)
		for (uint32_t i = map->low; i <= map->high; i++) {
			uint64_t cell = map->counts[step * HISTOGRAM_BUCKETS + i];

			if (!cell)
				continue;
			json_array(json, NULL);
			json_u64(json, NULL, step);
			json_u64(json, NULL, i - map->low);
			json_u64(json, NULL, cell);
			json_array_end(json);
		}
	json_array_end(json);
}

static int put_map(const struct map *map, uint64_t lost, struct response *response)
{
	char type[80];
	struct json json;
	FILE *out = response_open_object(response, 200, &json);

	if (!out)
		return -ENOMEM;
	snprintf(type, sizeof(type), "%s.%s", map->schema->collector, map->schema->event);
	json_text(&json, "type", type);
	json_text(&json, "column", map->column);
	steps_put(&json, map->start_unix_ns, map->step_ns, map->steps);
	json_u64(&json, "total", map->total);
	put_cells(&json, map);
	rows_put_lost(&json, lost);
	return response_close_object(response, &json, out);
}

/* The only kind; of a collector the first that has a duration. */
static int choose_kind(struct map *map, struct store_reader *reader, struct question *question)
{
	int err = fail(-EINVAL, "'type' should name one kind of records");

	hint("type=disk.latency");
	vec_each(schema, &question->schemas) {
		if (!*schema)
			continue;
		map->schema = *schema;
		err = find_column(map, store_columns(reader, *schema));
		if (!err) {
			question->schemas.data[0] = *schema;
			question->schemas.data[1] = NULL;
			question->schemas.len = 2;
			return 0;
		}
	}
	return err;
}

static int read_map(struct api *api, const struct request *request, struct question *question,
		    struct map *map, struct store_reader *reader)
{
	static const char *const known[] = { "column", "step", "start", "end", NULL };
	uint64_t now = clock_unix_ns(), end;
	int err = span_read(request, "", now, &map->start_unix_ns, &end);

	err = err ?: steps_read(request, end - map->start_unix_ns, NS_PER_S, &map->step_ns);
	if (err)
		return err;
	map->steps = (end - map->start_unix_ns + map->step_ns - 1) / map->step_ns;
	if (map->steps > CURVES_MAX_STEPS)
		return fail(-EINVAL, "this span has %lu steps, and %d are the most",
			    (unsigned long)map->steps, CURVES_MAX_STEPS);
	map->counts = calloc(map->steps * HISTOGRAM_BUCKETS, sizeof(*map->counts));
	err = map->counts ? question_read(question, api, request, known) : -ENOMEM;
	err = err ?: choose_kind(map, reader, question);
	question->query.start_unix_ns = map->start_unix_ns;
	question->query.end_unix_ns = end;
	question->query.limit = 0;
	question->query.newest_first = false;
	return err ?: store_read(reader, &question->query, take_row, map);
}

int answer_heatmap(struct api *api, const struct request *request, struct response *response)
{
	struct map map = { .column = request_parameter(request, "column"), .low = UINT32_MAX };
	const char *type = request_parameter(request, "type");
	struct question question = { 0 };
	struct store_reader *reader;
	uint64_t lost = 0;
	int err = api_reader(api, &reader);

	if (!err && !type) {
		err = fail(-EINVAL, "'type' should name one kind of records");
		hint("type=disk.latency");
	}
	err = err ?: read_map(api, request, &question, &map, reader);
	err = err
		      ?: question_lost(reader, &question, map.start_unix_ns,
				       question.query.end_unix_ns, &lost);
	err = err ?: put_map(&map, lost, response);
	question_done(&question);
	free(map.counts);
	return err;
}
