/* SPDX-License-Identifier: MIT */
/* http.h - HTTP/1.1 on loopback and a Unix socket: checks who asks, finds the route, sends the answer.
 *
 * Ceilings: [http] max_connections, beyond which clients wait to be accepted, REQUEST_MAX_HEADERS,
 * REQUEST_MAX_BODY, [http] request_s for a request to arrive whole and answer_s for its answer to be taken
 * (visits.h), max_waiting_bytes for all answers that are not (held.h).  Where descriptors run out, accepting
 * pauses for HTTP_PAUSE_MS.
 */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include "serve/pool.h"

#define HTTP_PAUSE_MS 200

struct event_base;
struct helds;
struct http;
struct visits_totals;

struct tls;
struct auth;

/* All that it needs. */
struct http_request {
	struct event_base *base;
	const struct api *api;
	const struct log *log;
	struct helds *helds;
	struct tls *tls;   /* NULL: in the clear; the Unix socket always is */
	struct auth *auth; /* NULL: anybody; at the Unix socket its rights decide */
};

/**
 * http_new - listen
 * @ret_port: where it listens, of [http] port 0 the one that was free
 *
 * Return: 0; -EADDRINUSE; -errno; with fail() said.
 */
nodiscard int http_new(const struct http_request *request, struct http **ret_http,
		       unsigned *ret_port);
void http_free(struct http *http);

/** http_pool - for other ways to ask; it lives as long as @http */
struct pool *http_pool(struct http *http);

/** http_committed - new rows are in the store: streams go on */
void http_committed(struct http *http);

/** http_totals - of its connections; of the loop's thread */
void http_totals(const struct http *http, struct visits_totals *ret_totals);

/** http_tick - once a second: heartbeats, requests that take too long */
void http_tick(struct http *http);

#endif
