/* SPDX-License-Identifier: MIT */
/* openapi.c - /openapi.json: what can be asked, from the table of routes and from the schemas of the records.
 *
 * The route of collectors stands there once for each of them, with its columns as parameters.
 */
#include <errno.h>
#include <string.h>

#include "serve/answers.h"
#include "serve/question.h"
#include "serve/rows.h"

#define COLLECTOR_PATH "/api/v1/{collector}"

static void put_schema_type(struct json *json, const char *key, const char *type,
			    const char *format, bool is_nullable)
{
	json_object(json, key);
	json_text(json, "type", type);
	if (format)
		json_text(json, "format", format);
	if (is_nullable)
		json_bool(json, "nullable", true);
	json_object_end(json);
}

static void put_histogram(struct json *json, const char *key)
{
	static const char *const numbers[] = { "count",  "sum_ns", "max_ns",
					       "p50_ns", "p90_ns", "p99_ns" };

	json_object(json, key);
	json_text(json, "type", "object");
	json_bool(json, "nullable", true);
	json_object(json, "properties");
	for (size_t i = 0; i < array_len(numbers); i++)
		put_schema_type(json, numbers[i], "integer", NULL, false);
	json_object(json, "buckets");
	json_text(json, "type", "array");
	json_text(json, "description", "[at least, at most, how many]");
	json_object(json, "items");
	json_text(json, "type", "array");
	put_schema_type(json, "items", "integer", NULL, false);
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
}

static const char *type_of(const struct column *column)
{
	if (column->kind == COLUMN_BOOL)
		return "boolean";
	return column->kind == COLUMN_NUMBER && !rows_is_large(column) ? "integer" : "string";
}

static void put_column(struct json *json, const struct column *column)
{
	const char *help = column->field->help;

	json_object(json, column->name);
	if (column->kind == COLUMN_WORDS) {
		json_text(json, "type", "array");
		put_schema_type(json, "items", "string", NULL, false);
	} else {
		json_text(json, "type", type_of(column));
	}
	if (*help)
		json_text(json, "description", help);
	json_bool(json, "nullable", true);
	json_object_end(json);
	if (column->field->unit == UNIT_MONO_NS && strcmp(column->name, "at_unix_ns") == 0)
		put_schema_type(json, "time", "string", "date-time", false);
}

static int put_record(struct json *json, const struct schema *schema)
{
	struct columns columns = { 0 };
	char name[COLUMNS_TABLE_BYTES];
	int err = columns_of(schema, &columns);

	columns_table(schema, name);
	json_object(json, name);
	json_text(json, "type", "object");
	if (*schema->help)
		json_text(json, "description", schema->help);
	json_object(json, "properties");
	put_schema_type(json, "seq", "string", NULL, false);
	put_schema_type(json, "collector", "string", NULL, false);
	put_schema_type(json, "event", "string", NULL, false);
	vec_each(column, &columns.list) {
		if (column->part == PART_BUCKETS)
			put_histogram(json, column->field->name);
		else if (column->part < PART_COUNT_OF)
			put_column(json, column);
	}
	json_object_end(json);
	json_object_end(json);
	vec_done(&columns.list);
	return err;
}

static void put_problem(struct json *json)
{
	json_object(json, "problem");
	json_text(json, "type", "object");
	json_text(json, "description", "an error as RFC 9457 has it");
	json_object(json, "properties");
	put_schema_type(json, "type", "string", NULL, false);
	put_schema_type(json, "title", "string", NULL, false);
	put_schema_type(json, "status", "integer", NULL, false);
	put_schema_type(json, "detail", "string", NULL, false);
	put_schema_type(json, "hint", "string", NULL, false);
	json_object_end(json);
	json_object_end(json);
}

static int put_components(struct json *json, const struct api *api)
{
	struct question all = { 0 };
	int err = question_add_kinds(&all, api, NULL);

	err = err ?: question_add_kind(&all, api, "process.life");
	err = err ?: question_add_kind(&all, api, "incident.whole");
	json_object(json, "components");
	json_object(json, "schemas");
	put_problem(json);
	vec_each(schema, &all.schemas)
		err = err ?: put_record(json, *schema);
	json_object_end(json);
	json_object_end(json);
	question_done(&all);
	return err;
}

static void put_parameter(struct json *json, const char *where, const char *name, const char *type,
			  const char *help)
{
	json_object(json, NULL);
	json_text(json, "name", name);
	json_text(json, "in", where);
	if (strcmp(where, "path") == 0)
		json_bool(json, "required", true);
	if (*help)
		json_text(json, "description", help);
	put_schema_type(json, "schema", type, NULL, false);
	json_object_end(json);
}

/* A column may be called as a parameter of the route. */
static void put_condition(struct json *json, const struct route *route, const struct column *column)
{
	char name[96];
	bool is_taken = strcmp(column->name, "type") == 0;

	for (const struct query_parameter *one = route->parameters; one->name; one++)
		is_taken = is_taken || strcmp(one->name, column->name) == 0;
	snprintf(name, sizeof(name), "%s%s", is_taken ? "column." : "", column->name);
	put_parameter(json, "query", name, type_of(column), column->field->help);
}

/* The columns of a collector's records, each once. */
static int put_columns(struct json *json, const struct route *route, const struct record_view *view)
{
	vec(const char *) seen = { 0 };
	int err = 0;

	for (const struct schema *const *one = view->schemas; !err && *one; one++) {
		struct columns columns = { 0 };

		err = columns_of(*one, &columns);
		vec_each(column, &columns.list) {
			bool is_new = column->part != PART_BUCKETS;

			vec_each(name, &seen)
				is_new = is_new && strcmp(*name, column->field->key) != 0;
			if (err || !is_new || column->part != PART_WHOLE)
				continue;
			put_condition(json, route, column);
			err = vec_push(&seen, column->field->key);
		}
		vec_done(&columns.list);
	}
	vec_done(&seen);
	return err;
}

static int put_parameters(struct json *json, const struct route *route,
			  const struct record_view *view)
{
	const struct query_parameter *one = route->parameters;
	int err = 0;

	json_array(json, "parameters");
	for (const char *at = route->path; !view && (at = strchr(at, '{')) != NULL; at++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "}"), at + 1);
		put_parameter(json, "path", name, "string", "");
	}
	for (; one && one->name; one++)
		put_parameter(json, "query", one->name, one->type, one->help);
	if (view)
		err = put_columns(json, route, view);
	json_array_end(json);
	return err;
}

static void put_reference(struct json *json, const char *key, const char *name)
{
	char text[160];

	snprintf(text, sizeof(text), "#/components/schemas/%s", name);
	json_object(json, key);
	json_text(json, "$ref", text);
	json_object_end(json);
}

/* A page of records. */
static void put_page(struct json *json, const struct record_view *view)
{
	char name[COLUMNS_TABLE_BYTES];

	json_object(json, "schema");
	json_text(json, "type", "object");
	json_object(json, "properties");
	json_object(json, "data");
	json_text(json, "type", "array");
	json_object(json, "items");
	json_array(json, "anyOf");
	for (const struct schema *const *one = view->schemas; *one; one++) {
		columns_table(*one, name);
		put_reference(json, NULL, name);
	}
	json_array_end(json);
	json_object_end(json);
	json_object_end(json);
	put_schema_type(json, "count", "integer", NULL, false);
	put_schema_type(json, "lost", "integer", NULL, true);
	put_schema_type(json, "next_cursor", "string", NULL, true);
	json_object_end(json);
	json_object_end(json);
}

static void put_answers(struct json *json, const struct route *route,
			const struct record_view *view)
{
	json_object(json, "responses");
	json_object(json, route->method == METHOD_GET ? "200" : "202");
	json_text(json, "description", route->help);
	json_object(json, "content");
	json_object(json, route->type ?: "application/json");
	if (view)
		put_page(json, view);
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
	json_object(json, "default");
	json_text(json, "description", "what is wrong, and what helps");
	json_object(json, "content");
	json_object(json, "application/problem+json");
	put_reference(json, "schema", "problem");
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
}

static void put_body(struct json *json, const struct body_key *keys)
{
	json_object(json, "requestBody");
	json_bool(json, "required", true);
	json_object(json, "content");
	json_object(json, "application/json");
	json_object(json, "schema");
	json_text(json, "type", "object");
	json_array(json, "required");
	for (const struct body_key *key = keys; key->name; key++)
		if (key->is_required)
			json_text(json, NULL, key->name);
	json_array_end(json);
	json_bool(json, "additionalProperties", false);
	json_object(json, "properties");
	for (const struct body_key *key = keys; key->name; key++) {
		json_object(json, key->name);
		json_text(json, "type", key->type);
		if (strcmp(key->type, "array") == 0)
			put_schema_type(json, "items", "string", NULL, false);
		json_text(json, "description", key->help);
		json_object_end(json);
	}
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
	json_object_end(json);
}

/* A path of the table, which may be asked in several ways: those follow one another. */
static bool is_same_path(const struct route *a, const struct route *b)
{
	return a->path && b->path && strcmp(a->path, b->path) == 0;
}

/* @view: of what is answered; NULL: it is no records.  @collector: in the path; NULL: it is whole */
static int put_route(struct json *json, const struct route *route, const struct record_view *view,
		     const char *collector)
{
	static const char *const methods[] = {
		[METHOD_GET] = "get",
		[METHOD_POST] = "post",
		[METHOD_PUT] = "put",
		[METHOD_DELETE] = "delete",
	};
	char path[160], help[200];
	int err;

	snprintf(path, sizeof(path), "/api/v1/%s", collector ?: "");
	snprintf(help, sizeof(help), "the records of the collector '%s'", collector ?: "");
	if (collector || route == routes || !is_same_path(route, route - 1))
		json_object(json, collector ? path : route->path);
	json_object(json, methods[route->method]);
	json_text(json, "summary", collector ? help : route->help);
	err = put_parameters(json, route, view);
	if (route->body)
		put_body(json, route->body);
	put_answers(json, route, view);
	json_object_end(json);
	if (collector || !is_same_path(route, route + 1))
		json_object_end(json);
	return err;
}

/* What a route of records answers with. */
static const struct record_view *view_of(const struct api *api, const struct route *route)
{
	for (size_t i = 0; route->records && i < api->view_count; i++) {
		const struct schema *first = api->views[i].schemas[0];
		char name[COLUMNS_TABLE_BYTES];

		snprintf(name, sizeof(name), first->shape == SCHEMA_JOINED ? "%s.%s" : "%s",
			 first->collector, first->event);
		if (strcmp(name, route->records) == 0)
			return &api->views[i];
	}
	return NULL;
}

static int put_paths(struct json *json, const struct api *api)
{
	int err = 0;

	json_object(json, "paths");
	for (const struct route *route = routes; !err && route->path; route++) {
		if (strcmp(route->path, COLLECTOR_PATH) != 0) {
			err = put_route(json, route, view_of(api, route), NULL);
			continue;
		}
		for (size_t i = 0; !err && i < api->view_count; i++)
			if (api->views[i].schemas[0]->shape != SCHEMA_JOINED)
				err = put_route(json, route, &api->views[i],
						api->views[i].collector);
	}
	json_object_end(json);
	return err;
}

int answer_openapi(struct api *api, const struct request *request, struct response *response)
{
	struct json json;
	FILE *out = response_open_object(response, 200, &json);
	int err;

	(void)request;
	if (!out)
		return -ENOMEM;
	json_text(&json, "openapi", "3.0.3");
	json_object(&json, "info");
	json_text(&json, "title", "kymo");
	json_text(&json, "version", KYMO_VERSION);
	json_text(
		&json, "description",
		"Where a Linux machine's time goes. Numbers that may be above 2^53 are texts of "
		"digits; instants are nanoseconds since 1970 and have their time in letters beside "
		"them. Every column of a record is a condition, too: pid=1, errno!=0, "
		"min_duration_ns=10ms, max_bytes=4K.");
	json_object_end(&json);
	err = put_paths(&json, api);
	err = err ?: put_components(&json, api);
	return response_close_object(response, &json, out) ?: err;
}
