/* SPDX-License-Identifier: MIT */
/* http_request.c - reads a request, and judges who asks. */
#include <errno.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/error.h"
#include "serve/auth.h"
#include "serve/http_parts.h"

const char *http_header(struct evhttp_request *evhttp, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(evhttp), name);
}

bool http_is_listed(const struct config_words *words, const char *text, size_t len)
{
	vec_each(word, &words->list)
		if (strlen(*word) == len && strncasecmp(*word, text, len) == 0)
			return true;
	return false;
}

/* The name that a client called us by: without it a page of a stranger could talk to us by a name of
 * its own that leads here.
 */
static bool is_our_host(const struct http *http, const char *host)
{
	static const char *const ours[] = { "localhost", "127.0.0.1", "[::1]" };
	const char *colon = host ? strrchr(host, ':') : NULL;
	size_t len;

	if (!host)
		return false;
	len = colon && strspn(colon + 1, "0123456789") == strlen(colon + 1) ? (size_t)(colon - host)
									    : strlen(host);
	for (size_t i = 0; i < array_len(ours); i++)
		if (strlen(ours[i]) == len && strncasecmp(ours[i], host, len) == 0)
			return true;
	return http_is_listed(&http->api.config->http.allowed_hosts, host, len);
}

/* The page that asks is ours, or one that is listed. */
static bool is_our_origin(const struct http *http, const char *origin)
{
	const char *name = strstr(origin, "://");

	if (http_is_listed(&http->api.config->http.cors_origins, origin, strlen(origin)))
		return true;
	if (!name)
		return false;
	name = strrchr(name + 3, ':') ?: "";
	return is_our_host(http, strstr(origin, "://") + 3) &&
	       (unsigned)atoi(*name ? name + 1 : "80") == http->port;
}

static enum method method_of(struct evhttp_request *evhttp)
{
	switch (evhttp_request_get_command(evhttp)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		return METHOD_GET;
	case EVHTTP_REQ_POST:
		return METHOD_POST;
	case EVHTTP_REQ_PUT:
		return METHOD_PUT;
	case EVHTTP_REQ_DELETE:
		return METHOD_DELETE;
	default:
		return METHOD_OTHER;
	}
}

static int read_parameters(struct request *request, const char *query)
{
	struct evkeyvalq list;
	int err = 0;

	if (!query || !*query)
		return 0;
	if (strstr(query, "%00"))
		return fail(-EINVAL, "a parameter holds a NUL");
	if (evhttp_parse_query_str(query, &list))
		return fail(-EINVAL, "the question behind '?' cannot be read");
	for (struct evkeyval *one = list.tqh_first; one && !err; one = one->next.tqe_next) {
		/* Values come decoded, names do not. */
		struct parameter parameter = { evhttp_uridecode(one->key, 1, NULL),
					       strdup(one->value) };

		if (request->parameters.len == REQUEST_MAX_PARAMETERS)
			err = fail(-EINVAL, "at most %d parameters", REQUEST_MAX_PARAMETERS);
		err = err
			      ?: parameter.name && parameter.value
				 ? vec_push(&request->parameters, parameter)
				 : -ENOMEM;
		if (err) {
			free(parameter.name);
			free(parameter.value);
		}
	}
	evhttp_clear_headers(&list);
	return err;
}

static char *copy_header(struct evhttp_request *evhttp, const char *name)
{
	const char *text = http_header(evhttp, name);

	return text ? strdup(text) : NULL;
}

int http_read_request(struct evhttp_request *evhttp, struct request *request)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(evhttp);
	struct evbuffer *body = evhttp_request_get_input_buffer(evhttp);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const char *encodings = http_header(evhttp, "Accept-Encoding");
	size_t len = 0;

	request->method = method_of(evhttp);
	request->path = evhttp_uridecode(path && *path ? path : "/", 0, &len);
	if (!request->path)
		return -ENOMEM;
	if (strlen(request->path) != len)
		return fail(-EINVAL, "the path holds a NUL");
	request->takes_gzip = encodings && strstr(encodings, "gzip");
	request->last_event_id = copy_header(evhttp, "Last-Event-ID");
	request->accept = copy_header(evhttp, "Accept");
	request->body_len = evbuffer_get_length(body);
	request->body = malloc(request->body_len + 1);
	if (!request->body)
		return -ENOMEM;
	evbuffer_copyout(body, request->body, request->body_len);
	request->body[request->body_len] = '\0';
	return read_parameters(request, evhttp_uri_get_query(uri));
}

/* Return: whether it may go on; else with a problem in @response. */
bool http_is_allowed(const struct port *port, struct evhttp_request *evhttp,
		     const struct request *request, struct response *response)
{
	const struct http *http = port->http;
	const char *host = http_header(evhttp, "Host"), *origin = http_header(evhttp, "Origin");
	const char *site = http_header(evhttp, "Sec-Fetch-Site");

	if (!is_our_host(http, host)) {
		response_problem(response, 421, "add the name to [http] allowed_hosts",
				 "this daemon is not called '%s'", host ?: "");
		return false;
	}
	if (http->auth && !port->is_unix && !route_is_open(request->path) &&
	    evhttp_request_get_command(evhttp) != EVHTTP_REQ_OPTIONS &&
	    !auth_knows(http->auth, http_header(evhttp, "Authorization"))) {
		evhttp_add_header(evhttp_request_get_output_headers(evhttp), "WWW-Authenticate",
				  "Bearer");
		response_problem(response, 401, "send Authorization: Bearer TOKEN",
				 "a token of [auth] token_file is needed");
		return false;
	}
	if (origin && !is_our_origin(http, origin)) {
		response_problem(response, 403, "add the origin to [http] cors_origins",
				 "pages of '%s' may not read here", origin);
		return false;
	}
	if (!origin && site && strcmp(site, "cross-site") == 0 && request->method != METHOD_GET) {
		response_problem(response, 403, NULL,
				 "a page of another site may not change anything");
		return false;
	}
	return true;
}

/* A page of another site, or of another port of this host, cannot read what it asks for without an origin,
 * such as a picture, but could keep us busy with it.
 */
bool http_is_asked_by_stranger(const struct http *http, struct evhttp_request *evhttp)
{
	const char *site = http_header(evhttp, "Sec-Fetch-Site"),
		   *origin = http_header(evhttp, "Origin");

	if (!site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
		return false;
	return !origin || !is_our_origin(http, origin);
}

static bool has_type(const char *type, const char *wanted)
{
	size_t len = strlen(wanted);

	return type && strncasecmp(type, wanted, len) == 0 && strchr(" ;", type[len]);
}

int http_read_body(struct evhttp_request *evhttp, const struct route *route,
		   struct request *request, struct response *response)
{
	const char *wanted =
		route->is_form ? "application/x-www-form-urlencoded" : "application/json";

	if (request->method != METHOD_POST && request->method != METHOD_PUT)
		return 1;
	if (!has_type(http_header(evhttp, "Content-Type"), wanted)) {
		char hint_text[80];

		snprintf(hint_text, sizeof(hint_text), "send Content-Type: %s", wanted);
		response_problem(response, 415, hint_text, "the body should be %s",
				 route->is_form ? "a form" : "JSON");
		return 0;
	}
	if (!route->is_form)
		return 1;
	if (memchr(request->body, '\0', request->body_len))
		return fail(-EINVAL, "a form holds a NUL");
	return read_parameters(request, request->body) ?: 1;
}
