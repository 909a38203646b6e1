/* SPDX-License-Identifier: MIT */
/* records.c - pages of records of any kind, as one JSON object or one object a line. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "serve/answers.h"
#include "serve/question.h"
#include "serve/rows.h"

#define PAGE_BYTES (16u << 20) /* of text; a page that grows beyond ends there */

struct listing {
	struct json json;
	FILE *out;
	bool is_lines;
	size_t count;
	uint64_t last_at, last_seq;
};

/* Return: 1 the page is full. */
static int put_row(void *context, struct store_row *row)
{
	struct listing *listing = context;

	if (listing->is_lines)
		json_begin(&listing->json, listing->out, false);
	json_object(&listing->json, NULL);
	rows_put(&listing->json, row);
	json_object_end(&listing->json);
	putc('\n', listing->out);
	listing->count++;
	listing->last_at = store_row_at(row);
	listing->last_seq = store_row_seq(row);
	return ftello(listing->out) > (off_t)PAGE_BYTES;
}

/* Going forwards, what lay behind the cursor may have been deleted meanwhile. */
static bool is_expired(struct api *api, const struct question *question)
{
	struct ingest_status status;

	/* What is joined keeps the number of its first record, which may be gone. */
	if (question->query.newest_first || !question->query.after_seq ||
	    question->query.schemas[0]->shape == SCHEMA_JOINED)
		return false;
	if (!api->ingest)
		return false; /* a file alone does not tell */
	ingest_status(api->ingest, &status);
	return status.store.oldest_seq > question->query.after_seq + 1;
}

static void put_end(struct api *api, struct listing *listing, const struct question *question,
		    bool is_full, uint64_t lost)
{
	struct json *json = &listing->json;
	char cursor[QUESTION_CURSOR_BYTES];
	uint64_t start = question->query.start_unix_ns;
	uint64_t end = question->query.end_unix_ns ?: question->now_unix_ns;
	json_array_end(json);
	json_u64(json, "count", listing->count);
	rows_put_lost(json, lost);
	if (is_expired(api, question))
		json_bool(json, "expired", true);
	rows_put_instant(json, "start", start);
	rows_put_instant(json, "end", end);
	if (is_full) {
		question_cursor(question, listing->last_at, listing->last_seq, cursor);
		json_text(json, "next_cursor", cursor);
	} else {
		json_null(json, "next_cursor");
	}
	json_object_end(json);
	putc('\n', listing->out);
}

static int list(struct api *api, const struct question *question, bool is_lines,
		struct response *response)
{
	struct listing listing = { .is_lines = is_lines };
	struct store_reader *reader;
	uint64_t lost = 0;
	int err = api_reader(api, &reader), full;

	if (err)
		return err;
	listing.out = response_open(response, 200,
				    is_lines ? "application/x-ndjson" : "application/json");
	if (!listing.out)
		return -ENOMEM;
	json_begin(&listing.json, listing.out, false);
	if (!is_lines) {
		json_object(&listing.json, NULL);
		json_array(&listing.json, "data");
	}
	full = store_read(reader, &question->query, put_row, &listing);
	err = full < 0 ? full
		       : question_lost(reader, question, question->query.start_unix_ns,
				       question->query.end_unix_ns, &lost);
	if (!is_lines)
		put_end(api, &listing, question, full > 0 || listing.count == question->query.limit,
			lost);
	return response_close(response, listing.out) ?: err;
}

/* "exec,exit" of one collector. */
static int add_events(struct question *question, const struct api *api, const char *collector,
		      const char *events)
{
	own(freep) char *copy = strdup(events);
	char *rest = copy;
	int err = copy ? 0 : -ENOMEM;

	for (char *event; !err && (event = strsep(&rest, ",")) != NULL;) {
		own(freep) char *name = NULL;

		if (asprintf(&name, "%s.%s", collector, event) < 0)
			return -ENOMEM;
		err = question_add_kind(question, api, name);
	}
	return err;
}

/* @collector: NULL: those of 'type' */
static int answer(struct api *api, const struct request *request, const char *collector,
		  struct response *response)
{
	static const char *const known[] = { "format", "event", NULL };
	const char *format = request_parameter(request, "format") ?: "json";
	const char *events = request_parameter(request, "event");
	struct question question = { 0 };
	struct store_reader *reader;
	int err = api_reader(api, &reader);

	if (!err && strcmp(format, "json") != 0 && strcmp(format, "ndjson") != 0)
		err = fail(-EINVAL, "'format' is json or ndjson");
	if (!err && events && !collector)
		err = fail(-EINVAL,
			   "'event' belongs to one collector; here it is type=process.exec");
	if (!err && collector && request_parameter(request, "type"))
		err = fail(-EINVAL, "'type' belongs to /api/v1/records; here it is event=");
	if (!err && collector)
		err = events ? add_events(&question, api, collector, events)
			     : question_add_kind(&question, api, collector);
	err = err ?: question_read(&question, api, request, known);
	err = err ?: list(api, &question, strcmp(format, "ndjson") == 0, response);
	question_done(&question);
	return err;
}

int answer_records(struct api *api, const struct request *request, struct response *response)
{
	return answer(api, request, NULL, response);
}

int answer_processes(struct api *api, const struct request *request, struct response *response)
{
	return answer(api, request, "process.life", response);
}

int answer_incidents(struct api *api, const struct request *request, struct response *response)
{
	return answer(api, request, "incident.whole", response);
}

int answer_connections(struct api *api, const struct request *request, struct response *response)
{
	return answer(api, request, "tcp", response);
}

static bool is_collector(const struct api *api, const char *name)
{
	for (size_t i = 0; i < api->view_count; i++)
		if (strcmp(api->views[i].collector, name) == 0)
			return true;
	return false;
}

/* What has its own path stands before this one, so any other name is a collector, or a mistake. */
int answer_collector(struct api *api, const struct request *request, struct response *response)
{
	const char *name = request->parts[0], *nearest = NULL;
	size_t least = strlen(name) / 2 + 1, distance;

	if (is_collector(api, name))
		return answer(api, request, name, response);
	for (size_t i = 0; i < api->view_count; i++)
		if ((distance = text_distance(name, api->views[i].collector)) < least) {
			least = distance;
			nearest = api->views[i].collector;
		}
	for (const struct route *route = routes; route->path; route++) {
		const char *last = strrchr(route->path, '/') + 1;

		if (*last != '{' && (distance = text_distance(name, last)) < least) {
			least = distance;
			nearest = last;
		}
	}
	(void)!fail(-ENOENT, "there is no '%s'", request->path);
	if (nearest)
		hint("did you mean '%s'?", nearest);
	else
		hint("GET /openapi.json tells what there is");
	return -ENOENT;
}
