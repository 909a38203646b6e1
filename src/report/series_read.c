/* SPDX-License-Identifier: MIT */
#include "report/series_read.h"

#include <string.h>

#include "base/error.h"
#include "base/json_read.h"

/* [1,2,...]: the values of one metric. */
static int read_values(struct json_reader *reader, struct metric_series *series, unsigned number)
{
	enum json_token token = json_read(reader);

	if (number >= METRICS_COUNT || token != JSON_ARRAY) {
		json_skip(reader, token);
		return 0;
	}
	while ((token = json_read(reader)) == JSON_NUMBER) {
		if (series->values[number].len >= METRICS_RUNS)
			return -E2BIG;
		if (vec_push(&series->values[number], reader->number))
			return -ENOMEM;
	}
	return token == JSON_ARRAY_END ? 0 : -EINVAL;
}

static int read_metrics(struct json_reader *reader, struct metric_series *series)
{
	char name[64];
	int err = 0;

	if (json_read(reader) != JSON_OBJECT)
		return -EINVAL;
	while (!err && json_read(reader) == JSON_KEY) {
		snprintf(name, sizeof(name), "%.*s",
			 reader->len < sizeof(name) ? (int)reader->len : 0, reader->text);
		err = read_values(reader, series, metric_find(name));
	}
	for (unsigned i = 0; i < METRICS_COUNT; i++)
		if (series->values[i].len > series->runs)
			series->runs = series->values[i].len;
	return err;
}

static void read_host(struct json_reader *reader, struct series_host *host)
{
	enum json_token token = json_read(reader);

	if (token != JSON_TEXT)
		json_skip(reader, token);
	else
		snprintf(host->text, sizeof(host->text), "%.*s",
			 reader->len < sizeof(host->text) ? (int)reader->len : 0, reader->text);
}

int series_read(const char *text, size_t len, struct metric_series *series,
		struct series_host *ret_host)
{
	struct json_reader reader;
	enum json_token token;
	bool is_ours = false;
	int err = 0;

	json_read_begin(&reader, text, len);
	if (json_read(&reader) != JSON_OBJECT)
		return -EINVAL;
	while (!err && (token = json_read(&reader)) == JSON_KEY) {
		if (json_read_is(&reader, "schema")) {
			is_ours = json_read(&reader) == JSON_TEXT &&
				  json_read_is(&reader, "kymo.run/1");
		} else if (json_read_is(&reader, "metrics")) {
			err = read_metrics(&reader, series);
		} else if (json_read_is(&reader, "host")) {
			read_host(&reader, ret_host);
		} else {
			json_skip(&reader, json_read(&reader));
		}
	}
	if (err)
		return err;
	return is_ours && token == JSON_OBJECT_END && series->runs ? 0 : -EINVAL;
}
