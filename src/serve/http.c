/* SPDX-License-Identifier: MIT */
#include "serve/http_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "base/error.h"
#include "serve/auth.h"
#include "serve/deflate.h"
#include "serve/listener.h"
#include "serve/stream.h"
#include "serve/tls.h"

/* A request on its way to a thread and back. */
struct exchange {
	struct http *http;
	struct evhttp_request *evhttp; /* NULL: the client has gone */
};

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
			     "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
			     "form-action 'none'; frame-ancestors 'none'; "
			     "require-trusted-types-for 'script'; trusted-types 'none'";

static void add_header(struct evhttp_request *evhttp, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(evhttp), name, value);
}

static void add_common_headers(const struct http *http, struct evhttp_request *evhttp)
{
	const char *origin = http_header(evhttp, "Origin");

	add_header(evhttp, "Content-Security-Policy", policy);
	add_header(evhttp, "X-Content-Type-Options", "nosniff");
	add_header(evhttp, "Referrer-Policy", "no-referrer");
	add_header(evhttp, "Vary", "Origin, Accept-Encoding");
	if (origin &&
	    http_is_listed(&http->api.config->http.cors_origins, origin, strlen(origin))) {
		add_header(evhttp, "Access-Control-Allow-Origin", origin);
		add_header(evhttp, "Access-Control-Allow-Methods", "GET, OPTIONS");
		add_header(evhttp, "Access-Control-Allow-Headers",
			   "Authorization, Content-Type, Last-Event-ID");
	}
}

static void free_body(const void *bytes, size_t len, void *context)
{
	(void)len;
	(void)context;
	free((void *)bytes);
}

static void send_body(struct http *http, struct evhttp_request *evhttp, struct response *response)
{
	struct evbuffer *body = evbuffer_new();
	char number[16];

	add_header(evhttp, "Content-Type", response->type);
	add_header(evhttp, "Cache-Control",
		   response->is_lasting ? "max-age=31536000, immutable" : "no-store");
	if (response->is_gzip)
		add_header(evhttp, "Content-Encoding", "gzip");
	if (*response->disposition)
		add_header(evhttp, "Content-Disposition", response->disposition);
	if (response->retry_after_s) {
		snprintf(number, sizeof(number), "%u", response->retry_after_s);
		add_header(evhttp, "Retry-After", number);
	}
	if (body && evhttp_request_get_command(evhttp) != EVHTTP_REQ_HEAD &&
	    evbuffer_add_reference(body, response->body, response->len, free_body, NULL) == 0)
		response->body = NULL;
	visits_answered(&http->visits, evhttp, response->body ? 0 : response->len);
	evhttp_send_reply(evhttp, response->status, NULL, body);
	if (body)
		evbuffer_free(body);
}

static void reply(struct http *http, struct evhttp_request *evhttp, struct response *response,
		  bool takes_gzip)
{
	add_common_headers(http, evhttp);
	if (!response->body)
		response_problem(response, 500, NULL, "no memory");
	if (takes_gzip && !response->is_gzip)
		deflate_response(response);
	send_body(http, evhttp, response);
}

/* To a browser that asks first whether it may ask. */
static void response_empty(struct response *response)
{
	FILE *out = response_open(response, 204, "text/plain");

	if (out && response_close(response, out))
		response->status = 500;
}

static void on_gone(struct evhttp_connection *connection, void *context)
{
	struct exchange *exchange = context;

	(void)connection;
	/* A request whose answer is under way is nobody's when its client leaves. */
	if (!evhttp_request_get_connection(exchange->evhttp))
		evhttp_request_free(exchange->evhttp);
	exchange->evhttp = NULL;
}

static void on_answered(struct job *job)
{
	struct exchange *exchange = job->context;
	struct http *http = exchange->http;

	if (exchange->evhttp) {
		reply(http, exchange->evhttp, job->response, job->request->takes_gzip);
	}
	job_free(job);
}

/* To a thread; the request stays ours until it comes back. */
static void hand_over(struct http *http, struct evhttp_request *evhttp, const struct route *route,
		      struct request *request, struct response *response)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	struct job *job = calloc(1, sizeof(*job));

	if (job && exchange) {
		*exchange = (struct exchange){ http, evhttp };
		*job = (struct job){ route, request, response, exchange, on_answered };
		if (pool_add(http->pool, job) == 0) {
			evhttp_connection_set_closecb(evhttp_request_get_connection(evhttp),
						      on_gone, exchange);
			return;
		}
	}
	free(exchange);
	free(job);
	response_problem(response, 503, NULL, "too many questions are waiting already");
	reply(http, evhttp, response, request->takes_gzip);
	request_free(request);
	response_free(response);
}

static void on_done(evutil_socket_t fd, short what, void *context)
{
	struct http *http = context;
	struct job *job;

	(void)fd;
	(void)what;
	while ((job = pool_take(http->pool)) != NULL)
		job->done(job);
}

static void on_request(struct evhttp_request *evhttp, void *context)
{
	struct port *port = context;
	struct http *http = port->http;
	struct request *request = calloc(1, sizeof(*request));
	struct response *response = calloc(1, sizeof(*response));
	const struct route *route = NULL;
	int err = request && response ? http_read_request(evhttp, request) : -ENOMEM;

	visits_asked(&http->visits, evhttp);
	if (!request || !response) {
		evhttp_send_error(evhttp, 503, NULL);
		free(request);
		free(response);
		return;
	}
	if (err)
		response_failed(response, err);
	else if (http_is_allowed(port, evhttp, request, response) &&
		 evhttp_request_get_command(evhttp) == EVHTTP_REQ_OPTIONS)
		response_empty(response);
	else if (!response->status)
		route = route_find(request, response);
	if (route) {
		err = http_read_body(evhttp, route, request, response);
		if (err < 0)
			response_failed(response, err);
		route = err > 0 ? route : NULL;
	}
	if (route && !route->at_once && http_is_asked_by_stranger(http, evhttp)) {
		response_problem(response, 403, "add the origin to [http] cors_origins",
				 "a page of another site may not ask what takes work to answer");
		route = NULL;
	}
	if (route && route->is_stream) {
		add_common_headers(http, evhttp);
		add_header(evhttp, "Cache-Control", "no-store");
		err = streams_add(http->streams, evhttp, request);
		route = NULL;
		if (!err) {
			visits_streamed(&http->visits, evhttp);
			request_free(request);
			response_free(response);
			return;
		}
		response_failed(response, err);
	}
	if (route && !route->at_once) {
		hand_over(http, evhttp, route, request, response);
		return;
	}
	if (route)
		api_answer(&http->api, route, request, response);
	reply(http, evhttp, response, request->takes_gzip);
	request_free(request);
	response_free(response);
}

/* Our ends of connections among all descriptors: evhttp does not tell when one is closed.  Descriptors are
 * given out from the lowest on, so there are few to look at.
 */
static size_t count_connections(const struct http *http)
{
	size_t count = 0, most = http->api.config->http.max_connections + VISIT_DESCRIPTORS_BESIDE;

	for (size_t fd = 3; fd < most; fd++) {
		struct sockaddr_storage address;
		socklen_t len = sizeof(address);
		int is_listener = 0, family = AF_UNSPEC;
		socklen_t int_len = sizeof(int);

		if (getpeername((int)fd, (struct sockaddr *)&address, &len) != 0 ||
		    getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listener, &int_len) != 0)
			continue;
		family = address.ss_family;
		count += !is_listener &&
			 (family == AF_INET || family == AF_INET6 || family == AF_UNIX);
	}
	return count;
}

static void pause_ports(struct http *http)
{
	struct timeval pause = { .tv_usec = HTTP_PAUSE_MS * 1000 };

	for (size_t i = 0; i < http->port_count; i++) {
		evconnlistener_disable(http->ports[i].listener);
		evtimer_add(http->ports[i].resume, &pause);
	}
}

static bool is_crowded(struct http *http)
{
	size_t most = http->api.config->http.max_connections;

	/* At most so many can be open: counting is for when that may be too many. */
	if (http->counted + http->accepted >= most) {
		http->counted = count_connections(http);
		http->accepted = 0;
	}
	return http->counted + http->accepted >= most;
}

/* A connection has been accepted; it gets the usual buffers. */
static struct bufferevent *on_connection(struct event_base *base, void *context)
{
	struct port *port = context;
	struct http *http = port->http;

	http->accepted++;
	http->has_new = true;
	if (is_crowded(http))
		pause_ports(http);
	return http->tls && !port->is_unix ? tls_accept(http->tls, base, -1, BEV_OPT_CLOSE_ON_FREE)
					   : NULL;
}

/* Who finds no place waits in the kernel's queue. */
static void on_resume(evutil_socket_t fd, short what, void *context)
{
	struct port *port = context;
	struct timeval pause = { .tv_usec = HTTP_PAUSE_MS * 1000 };

	(void)fd;
	(void)what;
	if (is_crowded(port->http))
		visits_make_room(&port->http->visits);
	if (is_crowded(port->http))
		evtimer_add(port->resume, &pause);
	else
		evconnlistener_enable(port->listener);
}

/* Where descriptors have run out the listener would spin. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
	struct port *port = context;
	struct timeval pause = { .tv_usec = HTTP_PAUSE_MS * 1000 };

	log_put(port->http->log, "warn", "cannot accept a connection: %s", strerror(errno));
	evconnlistener_disable(listener);
	evtimer_add(port->resume, &pause);
}

static int prepare(struct port *port)
{
	port->server = evhttp_new(port->http->base);
	if (!port->server)
		return -ENOMEM;
	evhttp_set_allowed_methods(
		port->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
				      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_max_headers_size(port->server, REQUEST_MAX_HEADERS);
	evhttp_set_max_body_size(port->server, REQUEST_MAX_BODY);
	evhttp_set_timeout(port->server,
			   (int)port->http->api.config->http.request_s + VISIT_SPARE_S);
	evhttp_set_gencb(port->server, on_request, port);
	evhttp_set_bevcb(port->server, on_connection, port);
	return 0;
}

static int add_port(struct http *http, struct evconnlistener *listener, bool is_unix)
{
	struct port *port = &http->ports[http->port_count++];
	int err;

	port->http = http;
	port->is_unix = is_unix;
	port->listener = listener;
	port->resume = evtimer_new(http->base, on_resume, port);
	err = port->resume ? prepare(port) : -ENOMEM;
	if (!err && !evhttp_bind_listener(port->server, listener))
		err = -ENOMEM;
	if (err)
		return err;
	evconnlistener_set_error_cb(listener, on_accept_error);
	return 0;
}

static int listen_all(struct http *http, unsigned *ret_port)
{
	const struct config *config = http->api.config;
	const char *path = config->http.unix_socket;
	struct evconnlistener *listener;
	int err = listener_tcp(http->base, "http", config->http.bind_address,
			       (unsigned)config->http.port, &listener, ret_port);

	err = err ?: add_port(http, listener, false);
	if (err)
		return err;
	http->port = http->visits.port = (uint16_t)*ret_port;
	if (!*path)
		return 0;
	err = listener_unix(http->base, path, &listener);
	err = err ?: add_port(http, listener, true);
	if (err)
		return err;
	http->socket_path = strdup(path);
	return http->socket_path ? 0 : -ENOMEM;
}

int http_new(const struct http_request *request, struct http **ret_http, unsigned *ret_port)
{
	struct http *http = calloc(1, sizeof(*http));
	int err;

	if (!http)
		return -ENOMEM;
	http->base = request->base;
	http->api = *request->api;
	http->log = request->log;
	http->tls = request->tls;
	http->auth = request->auth;
	visits_init(&http->visits, request->api->config, request->helds);
	err = pool_new(request->api, &http->pool);
	err = err ?: streams_new(&http->api, &http->streams);
	err = err ?: listen_all(http, ret_port);
	if (!err) {
		http->on_done = event_new(http->base, pool_descriptor(http->pool),
					  EV_READ | EV_PERSIST, on_done, http);
		err = http->on_done && event_add(http->on_done, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (err) {
		http_free(http);
		return err;
	}
	*ret_http = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	streams_free(http->streams);
	if (http->on_done)
		event_free(http->on_done);
	visits_done(&http->visits);
	/* It tells each exchange that its client is gone; those belong to the jobs of the pool. */
	for (size_t i = 0; i < http->port_count; i++)
		if (http->ports[i].server)
			evhttp_free(http->ports[i].server);
	pool_free(http->pool);
	for (size_t i = 0; i < http->port_count; i++)
		if (http->ports[i].resume)
			event_free(http->ports[i].resume);
	if (http->socket_path)
		unlink(http->socket_path);
	free(http->socket_path);
	store_reader_close(http->api.reader);
	free(http);
}

struct pool *http_pool(struct http *http)
{
	return http->pool;
}

void http_committed(struct http *http)
{
	streams_go_on(http->streams);
}

void http_totals(const struct http *http, struct visits_totals *ret_totals)
{
	*ret_totals = http->visits.totals;
}

void http_tick(struct http *http)
{
	streams_tick(http->streams);
	visits_tick(&http->visits, http->has_new);
	http->has_new = false;
}
