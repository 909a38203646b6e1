/* SPDX-License-Identifier: MIT */
#include "serve/ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_read.h"
#include "model/incident.h"
#include "model/life.h"
#include "serve/config.h"
#include "serve/route.h"
#include "session/views.h"

struct ask {
	const char *address; /* of a daemon; NULL: a file is asked */
	const struct client_options *options;
	struct config config;
	struct views views;
	struct life life;
	vec(struct record_view) list; /* all of them */
	struct api api;
};

static int make_views(struct ask *ask)
{
	int err = views_of_host(&ask->views);

	err = err ?: life_init(&ask->life, ask->views.list.data, ask->views.list.len);
	for (size_t i = 0; !err && i < ask->views.list.len; i++)
		err = vec_push(&ask->list, ask->views.list.data[i]);
	err = err ?: vec_push(&ask->list, ask->life.view);
	err = err ?: vec_push(&ask->list, incident_view);
	return err ?: vec_push(&ask->list, incident_whole_view);
}

int ask_store(const char *path, struct ask **ret_ask)
{
	own(ask_freep) struct ask *ask = calloc(1, sizeof(*ask));
	struct store_reader *reader;
	int err = ask ? config_init(&ask->config) : -ENOMEM;

	if (!err && strlen(path) >= sizeof(ask->config.store.path))
		err = fail(-ENAMETOOLONG, "'%s' is too long for a file", path);
	err = err ?: make_views(ask);
	if (err)
		return err;
	strcpy(ask->config.store.path, path);
	ask->api = (struct api){
		.config = &ask->config,
		.views = ask->list.data,
		.view_count = ask->list.len,
		.started_unix_ns = clock_unix_ns(),
	};
	err = api_reader(&ask->api, &reader);
	if (err && access(path, F_OK) != 0)
		err = fail(-errno, "there is no store '%s': %m", path);
	if (!err)
		*ret_ask = take(ask);
	return err;
}

int ask_daemon(const char *address, const struct client_options *options, struct ask **ret_ask)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	ask->address = address;
	ask->options = options;
	*ret_ask = ask;
	return 0;
}

void ask_free(struct ask *ask)
{
	if (!ask)
		return;
	store_reader_close(ask->api.reader);
	vec_done(&ask->list);
	life_done(&ask->life);
	views_done(&ask->views);
	config_done(&ask->config);
	free(ask);
}

/* The value of a key of the object that a text is, as a text of its own; NULL. */
static char *text_of(const char *json, size_t len, const char *key)
{
	struct json_reader reader;
	enum json_token token;

	json_read_begin(&reader, json, len);
	if (json_read(&reader) != JSON_OBJECT)
		return NULL;
	while (json_read(&reader) == JSON_KEY) {
		bool is_it = json_read_is(&reader, key);

		token = json_read(&reader);
		if (is_it && token == JSON_TEXT)
			return json_read_text(&reader);
		json_skip(&reader, token);
	}
	return NULL;
}

static int error_of(int status)
{
	switch (status) {
	case 400:
		return -EINVAL;
	case 401:
	case 403:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 503:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

/* The problem that an answer is, as our own error. */
static int check(const struct ask *ask, const struct response *response)
{
	own(freep) char *detail = NULL, *help = NULL;
	int err = error_of(response->status);

	if (response->status == 200)
		return 0;
	detail = text_of(response->body ?: "", response->len, "detail");
	help = text_of(response->body ?: "", response->len, "hint");
	if (detail)
		err = fail(err, "%s", detail);
	else
		err = fail(err, "'%s' answered with status %d", ask->address ?: "the store",
			   response->status);
	if (response->status == 401)
		hint("'--token-file FILE' names a file with one, as does KYMO_TOKEN hold one");
	else if (help)
		hint("%s", help);
	return err;
}

/* As pages and states: what is measured on demand. */
static bool is_of_daemon(const char *path)
{
	static const char *const beginnings[] = { "/api/v1/sessions", "/api/v1/latency" };

	for (size_t i = 0; i < array_len(beginnings); i++)
		if (strncmp(path, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

static int answer(struct ask *ask, struct request *request, struct response *response)
{
	const struct route *route;

	/* It may have been asked before. */
	for (char **part = request->parts; part && *part; part++)
		free(*part);
	free(request->parts);
	request->parts = NULL;
	route = route_find(request, response);
	if (!route)
		return 0;
	if (route->is_stream || route->at_once || is_of_daemon(route->path))
		return fail(-EINVAL, "'%s' is told by a daemon that runs, not by a file",
			    request->path);
	return route->answer(&ask->api, request, response);
}

static bool has_parameter(const struct request *request, const char *name)
{
	own(request_freep) struct request *copy = request_new(request->path);
	own(response_freep) struct response *response = calloc(1, sizeof(*response));
	const struct route *route = copy && response ? route_find(copy, response) : NULL;

	for (const struct query_parameter *one = route ? route->parameters : NULL; one && one->name;
	     one++)
		if (strcmp(one->name, name) == 0)
			return true;
	return false;
}

bool request_has_rows(const struct request *request)
{
	return has_parameter(request, "limit");
}

bool request_is_paged(const struct request *request)
{
	return has_parameter(request, "cursor");
}

int ask_follow(struct ask *ask, struct request *request, const struct client_stream *stream,
	       struct response *response)
{
	int err;

	error_clear();
	err = ask->address ? client_get(ask->address, ask->options, stream, request, response)
			   : answer(ask, request, response);
	return err ?: check(ask, response);
}

int ask_get(struct ask *ask, struct request *request, struct response *response)
{
	return ask_follow(ask, request, NULL, response);
}

struct request *request_new(const char *path)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request)
		request->path = strdup(path);
	if (request && request->path)
		return request;
	request_free(request);
	return NULL;
}

int request_set(struct request *request, const char *name, const char *value)
{
	struct parameter one = { 0 };
	char *copy;

	vec_each(parameter, &request->parameters) {
		if (strcmp(parameter->name, name) != 0)
			continue;
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
		free(parameter->value);
		parameter->value = copy;
		return 0;
	}
	if (request->parameters.len == REQUEST_MAX_PARAMETERS)
		return fail(-E2BIG, "at most %d conditions", REQUEST_MAX_PARAMETERS);
	one.name = strdup(name);
	one.value = strdup(value);
	if (one.name && one.value && vec_push(&request->parameters, one) == 0)
		return 0;
	free(one.name);
	free(one.value);
	return -ENOMEM;
}
