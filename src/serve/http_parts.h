/* SPDX-License-Identifier: MIT */
/* http_parts.h - what the parts of the HTTP server share; for src/serve/http*.c alone. */
#ifndef SERVE_HTTP_PARTS_H
#define SERVE_HTTP_PARTS_H

#include "serve/http.h"
#include "serve/visits.h"

struct evhttp;
struct evhttp_request;
struct evconnlistener;
struct event;

/* A bound socket, and who serves it; accepting pauses where descriptors run out. */
struct port {
	struct http *http;
	bool is_unix;
	struct evhttp *server;
	struct evconnlistener *listener;
	struct event *resume;
};

struct http {
	struct event_base *base;
	struct api api;
	const struct log *log;
	struct tls *tls;
	struct auth *auth;
	struct pool *pool;
	struct event *on_done;
	struct streams *streams;
	struct port ports[2];
	size_t port_count;
	char *socket_path;
	uint16_t port;
	struct visits visits;
	bool has_new;    /* a connection was accepted since the last tick */
	size_t accepted; /* connections since they were counted, and how many there were */
	size_t counted;
};

/** http_header - of a request; NULL where it is not there */
const char *http_header(struct evhttp_request *evhttp, const char *name);

/** http_is_listed - whether a list of the settings has a name */
bool http_is_listed(const struct config_words *words, const char *text, size_t len);

/** http_read_request - all of it but a form.  Return: 0; -EINVAL with fail() said; -ENOMEM */
nodiscard int http_read_request(struct evhttp_request *evhttp, struct request *request);

/** http_is_allowed - whether a request may go on; else with a problem in @response and headers */
bool http_is_allowed(const struct port *port, struct evhttp_request *evhttp,
		     const struct request *request, struct response *response);

/**
 * http_read_body - whether the body is what the route takes; the parameters of a form are added to those of the
 * address
 *
 * Return: 1; 0 with a problem in @response; -EINVAL with fail() said; -ENOMEM.
 */
nodiscard int http_read_body(struct evhttp_request *evhttp, const struct route *route,
			     struct request *request, struct response *response);

/** http_is_asked_by_stranger - a page of another site asks, without saying which */
bool http_is_asked_by_stranger(const struct http *http, struct evhttp_request *evhttp);

#endif
