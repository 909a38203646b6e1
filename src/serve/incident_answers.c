/* SPDX-License-Identifier: MIT */
/* incident_answers.c - one incident, with links to what belongs to it: what was recorded around it, what the
 * CPUs did before, and its own profile.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "model/incident.h"
#include "serve/answers.h"
#include "serve/rows.h"

struct showing {
	struct json json;
	FILE *out;
	struct response *response;
	uint64_t wanted;
	bool is_found;
};

static int64_t number_of(struct store_row *row, const char *name, int64_t fallback)
{
	const struct columns *columns = store_row_columns(row);
	const struct column *column = columns_find(columns, name);
	struct store_value value = { STORE_NULL };

	if (column)
		value = store_row_value(row, (size_t)(column - columns->list.data));
	return value.kind == STORE_NUMBER ? value.number : fallback;
}

static void put_link(struct json *json, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put_link(struct json *json, const char *name, const char *format, ...)
{
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	json_text(json, name, text);
}

static void put_links(struct json *json, struct store_row *row)
{
	uint64_t at = store_row_at(row), from = (uint64_t)number_of(row, "from_unix_ns", 0);
	uint64_t ended = (uint64_t)number_of(row, "ended_unix_ns", (int64_t)clock_unix_ns());
	int64_t pid = number_of(row, "pid", 0);
	char whose[32] = "";

	if (pid)
		snprintf(whose, sizeof(whose), "&pid=%" PRId64, pid);
	json_object(json, "links");
	put_link(json, "events", "/api/v1/records?start=%" PRIu64 "&end=%" PRIu64, from, ended + 1);
	put_link(json, "processes", "/api/v1/processes?start=%" PRIu64 "&end=%" PRIu64, from,
		 ended + 1);
	put_link(json, "before", "/api/v1/profiles?start=%" PRIu64 "&end=%" PRIu64 "%s", from, at,
		 whose);
	if (number_of(row, "samples", -1) >= 0)
		put_link(json, "profile", "/api/v1/profiles?incident=%" PRIu64, store_row_seq(row));
	json_object_end(json);
}

static int put(void *context, struct store_row *row)
{
	struct showing *showing = context;

	showing->is_found = store_row_seq(row) == showing->wanted;
	if (!showing->is_found)
		return 0;
	showing->out = response_open_object(showing->response, 200, &showing->json);
	if (!showing->out)
		return -ENOMEM;
	rows_put(&showing->json, row);
	put_links(&showing->json, row);
	return 0;
}

int answer_incident(struct api *api, const struct request *request, struct response *response)
{
	static const struct schema *const schemas[] = { &incident_whole_schema, NULL };
	struct store_query query = { .schemas = schemas, .by_seq = true, .limit = 1 };
	struct showing showing = { .response = response };
	struct store_reader *reader;
	int err = api_reader(api, &reader);

	if (!err && number_parse(request->parts[0], 1, INT64_MAX, &showing.wanted))
		err = fail(-EINVAL, "'%s' is no number of an incident", request->parts[0]);
	query.after_seq = showing.wanted - 1;
	query.after_at = 1; /* behind number 0, too */
	err = err ?: store_read(reader, &query, put, &showing);
	if (showing.out)
		return response_close_object(response, &showing.json, showing.out) ?: err;
	if (!err) {
		err = fail(-ENOENT, "there is no incident %s", request->parts[0]);
		hint("GET /api/v1/incidents lists those that are kept");
	}
	return err;
}
