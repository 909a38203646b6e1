/* SPDX-License-Identifier: MIT */
#include "show/answer_diff.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json_read.h"
#include "base/text.h"
#include "base/vec.h"

/* Of a node's array; see serve/diff.c. */
enum {
	NODE_FUNCTION = 1,
	NODE_SELF_BEFORE = 4,
	NODE_SELF_AFTER = 5,
	NODE_VALUES = 6
};

struct changed {
	char *name, *module;
	double self_ns[2], per_second[2]; /* before and after */
};

struct span {
	double samples, total_ns, covered_ns, lost;
};

struct difference {
	struct span spans[2];
	vec(struct changed) functions;
};

static int function_at(struct difference *difference, size_t number, struct changed **ret)
{
	int err = 0;

	if (number > 10000000)
		return -EBADMSG;
	while (!err && difference->functions.len <= number)
		err = vec_push(&difference->functions, { 0 });
	*ret = &difference->functions.data[number];
	return err;
}

static int read_node(struct json_reader *reader, struct difference *difference)
{
	double values[NODE_VALUES] = { 0 };
	struct changed *function;
	enum json_token token;
	size_t count = 0;
	int err;

	while ((token = json_read(reader)) == JSON_NUMBER)
		if (count < NODE_VALUES)
			values[count++] = reader->number;
	if (token != JSON_ARRAY_END || count < NODE_VALUES || values[NODE_FUNCTION] < 0)
		return -EBADMSG;
	err = function_at(difference, (size_t)values[NODE_FUNCTION], &function);
	if (err)
		return err;
	function->self_ns[0] += values[NODE_SELF_BEFORE];
	function->self_ns[1] += values[NODE_SELF_AFTER];
	return 0;
}

static int read_nodes(struct json_reader *reader, struct difference *difference)
{
	enum json_token token = json_read(reader);
	int err = token == JSON_ARRAY ? 0 : -EBADMSG;

	while (!err && (token = json_read(reader)) == JSON_ARRAY)
		err = read_node(reader, difference);
	return err ?: token == JSON_ARRAY_END ? 0 : -EBADMSG;
}

/* Texts of digits are numbers, too. */
static int read_span(struct json_reader *reader, struct span *span)
{
	const struct {
		const char *key;
		double *place;
	} places[] = {
		{ "samples", &span->samples },
		{ "total_ns", &span->total_ns },
		{ "covered_ns", &span->covered_ns },
		{ "lost", &span->lost },
	};
	enum json_token token = json_read(reader);

	if (token != JSON_OBJECT)
		return -EBADMSG;
	while ((token = json_read(reader)) == JSON_KEY) {
		double *place = NULL;

		for (size_t i = 0; i < array_len(places); i++)
			if (json_read_is(reader, places[i].key))
				place = places[i].place;
		token = json_read(reader);
		if (place && token == JSON_NUMBER)
			*place = reader->number;
		else if (place && token == JSON_TEXT)
			*place = strtod(reader->text, NULL); /* ends at the quote */
		else if (place && token == JSON_NULL)
			*place = NAN; /* nobody knows */
		json_skip(reader, token);
	}
	return token == JSON_OBJECT_END ? 0 : -EBADMSG;
}

static int read_function(struct json_reader *reader, struct difference *difference, size_t number)
{
	struct changed *function;
	enum json_token token = JSON_BAD;
	int err = function_at(difference, number, &function);

	while (!err && (token = json_read(reader)) == JSON_KEY) {
		char **place = json_read_is(reader, "name")     ? &function->name
			       : json_read_is(reader, "module") ? &function->module
								: NULL;

		token = json_read(reader);
		if (place && token == JSON_TEXT && !*place) {
			*place = json_read_text(reader);
			err = *place ? 0 : -ENOMEM;
		}
		json_skip(reader, token);
	}
	return err ?: token == JSON_OBJECT_END ? 0 : -EBADMSG;
}

static int read_functions(struct json_reader *reader, struct difference *difference)
{
	enum json_token token = json_read(reader);
	int err = token == JSON_ARRAY ? 0 : -EBADMSG;

	for (size_t i = 0; !err && (token = json_read(reader)) == JSON_OBJECT; i++)
		err = read_function(reader, difference, i);
	return err ?: token == JSON_ARRAY_END ? 0 : -EBADMSG;
}

static int read_answer(const char *json, size_t len, struct difference *difference)
{
	struct json_reader reader;
	enum json_token token;
	int err = 0;

	json_read_begin(&reader, json, len);
	if (json_read(&reader) != JSON_OBJECT)
		return -EBADMSG;
	while (!err && (token = json_read(&reader)) == JSON_KEY) {
		if (json_read_is(&reader, "before"))
			err = read_span(&reader, &difference->spans[0]);
		else if (json_read_is(&reader, "after"))
			err = read_span(&reader, &difference->spans[1]);
		else if (json_read_is(&reader, "nodes"))
			err = read_nodes(&reader, difference);
		else if (json_read_is(&reader, "functions"))
			err = read_functions(&reader, difference);
		else
			json_skip(&reader, json_read(&reader));
	}
	return err ?: token == JSON_OBJECT_END ? 0 : -EBADMSG;
}

static double change_of(const struct changed *function)
{
	return function->per_second[1] - function->per_second[0];
}

static int by_change(const void *a, const void *b)
{
	double x = fabs(change_of(a)), y = fabs(change_of(b));

	return (x < y) - (x > y);
}

static void put_span(FILE *out, const char *name, const struct span *span)
{
	fprintf(out, "%-7s %8.1f s with samples, %.0f samples, %.2f s in all", name,
		span->covered_ns / 1e9, span->samples, span->total_ns / 1e9);
	if (isnan(span->lost))
		fputs(", lost nobody knows how many", out);
	else if (span->lost > 0)
		fprintf(out, ", %.0f lost", span->lost);
	putc('\n', out);
}

static void put(FILE *out, struct difference *difference, size_t most)
{
	size_t shown = 0;

	put_span(out, "before", &difference->spans[0]);
	put_span(out, "after", &difference->spans[1]);
	vec_each(function, &difference->functions)
		for (int i = 0; i < 2; i++)
			if (difference->spans[i].covered_ns > 0)
				function->per_second[i] = function->self_ns[i] /
							  difference->spans[i].covered_ns * 1e3;
	if (difference->functions.len)
		qsort(difference->functions.data, difference->functions.len,
		      sizeof(*difference->functions.data), by_change);
	fprintf(out, "\n%12s %12s %12s  FUNCTION\n", "BEFORE ms/s", "AFTER ms/s", "CHANGE");
	vec_each(function, &difference->functions) {
		if (shown == most || change_of(function) == 0 || !function->name)
			break;
		fprintf(out, "%12.2f %12.2f %+12.2f  ", function->per_second[0],
			function->per_second[1], change_of(function));
		text_put_plain(out, function->name);
		fputs("  ", out);
		text_put_plain(out, function->module ?: "");
		putc('\n', out);
		shown++;
	}
	if (shown < difference->functions.len)
		fprintf(out, "%40s%zu more\n", "", difference->functions.len - shown);
}

int answer_diff_put(FILE *out, const char *json, size_t len, size_t most)
{
	struct difference difference = { .functions = { 0 } };
	int err = read_answer(json, len, &difference);

	if (!err)
		put(out, &difference, most);
	vec_each(function, &difference.functions) {
		free(function->name);
		free(function->module);
	}
	vec_done(&difference.functions);
	return err;
}
