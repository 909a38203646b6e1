/* SPDX-License-Identifier: MIT */
/* grpc.c - the connections of gRPC: accepted, fed to nghttp2, and ended where they take too long.
 *
 * Callbacks of libevent are deferred, so none of them comes within another; a connection is freed by the
 * outermost of our functions that is at work on it.
 */
#include "serve/grpc.h"

#include <errno.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/error.h"
#include "serve/grpc_connection.h"
#include "serve/listener.h"
#include "serve/tls.h"

static void connection_free(struct connection *connection)
{
	struct grpc *grpc = connection->grpc;

	for (struct connection **at = &grpc->connections; *at; at = &(*at)->next)
		if (*at == connection) {
			*at = connection->next;
			break;
		}
	/* nghttp2 does not tell of streams that end with their session. */
	nghttp2_session_del(connection->session);
	while (connection->calls) {
		struct call *call = connection->calls;

		connection->calls = call->next;
		grpc->totals.calls--;
		call_free(call);
	}
	bufferevent_free(connection->buffers);
	free(connection);
	grpc->totals.connections--;
	if (grpc->is_paused && !evtimer_pending(grpc->resume, NULL)) {
		evconnlistener_enable(grpc->listener);
		grpc->is_paused = false;
	}
}

static void leave(struct connection *connection)
{
	if (--connection->depth == 0 && connection->is_dead)
		connection_free(connection);
}

static size_t unsent(const struct connection *connection)
{
	return evbuffer_get_length(bufferevent_get_output(connection->buffers));
}

void connection_flush(struct connection *connection)
{
	if (connection->depth || !connection->is_secured)
		return;
	connection->depth++;
	if (nghttp2_session_send(connection->session) ||
	    (!nghttp2_session_want_read(connection->session) &&
	     !nghttp2_session_want_write(connection->session) && !unsent(connection)))
		connection->is_dead = true;
	leave(connection);
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *bytes, size_t len, int flags,
		       void *context)
{
	struct connection *connection = context;

	(void)session;
	(void)flags;
	if (unsent(connection) > GRPC_MAX_UNSENT)
		return NGHTTP2_ERR_WOULDBLOCK;
	return bufferevent_write(connection->buffers, bytes, len) ? NGHTTP2_ERR_CALLBACK_FAILURE
								  : (ssize_t)len;
}

static void on_readable(struct bufferevent *buffers, void *context)
{
	struct connection *connection = context;
	struct evbuffer *input = bufferevent_get_input(buffers);
	size_t len = evbuffer_get_length(input);
	uint8_t *bytes = evbuffer_pullup(input, -1);
	ssize_t taken;

	connection->depth++;
	taken = bytes ? nghttp2_session_mem_recv(connection->session, bytes, len) : 0;
	if (taken < 0)
		connection->is_dead = true;
	else
		evbuffer_drain(input, len);
	connection->depth--;
	if (connection->is_dead)
		connection_free(connection);
	else
		connection_flush(connection);
}

static void on_writable(struct bufferevent *buffers, void *context)
{
	(void)buffers;
	connection_flush(context);
}

static int begin(struct connection *connection)
{
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GRPC_MAX_CALLS },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_MAX_HEADERS },
	};

	connection->is_secured = true;
	return nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings,
				       array_len(settings));
}

static void on_event(struct bufferevent *buffers, short what, void *context)
{
	struct connection *connection = context;

	if (what & BEV_EVENT_CONNECTED) {
		if (tls_speaks(buffers, "h2") && begin(connection) == 0) {
			connection_flush(connection);
			return;
		}
	}
	if (what & BEV_EVENT_TIMEOUT)
		connection->grpc->totals.cut++;
	connection_free(connection);
}

static int connect_to(struct grpc *grpc, struct connection *connection, evutil_socket_t fd)
{
	struct timeval stall = { .tv_sec = GRPC_STALL_S };
	int flags = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;

	connection->grpc = grpc;
	connection->idle_since_ns = clock_mono_ns();
	connection->buffers = grpc->request.tls
				      ? tls_accept(grpc->request.tls, grpc->request.base, fd, flags)
				      : bufferevent_socket_new(grpc->request.base, fd, flags);
	if (!connection->buffers) {
		evutil_closesocket(fd);
		return -ENOMEM;
	}
	if (nghttp2_session_server_new2(&connection->session, grpc->callbacks, connection,
					grpc->options))
		return -ENOMEM;
	bufferevent_setcb(connection->buffers, on_readable, on_writable, on_event, connection);
	bufferevent_set_timeouts(connection->buffers, NULL, &stall);
	return bufferevent_enable(connection->buffers, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

static void pause_listener(struct grpc *grpc)
{
	grpc->is_paused = true;
	evconnlistener_disable(grpc->listener);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int len, void *context)
{
	struct grpc *grpc = context;
	struct connection *connection = calloc(1, sizeof(*connection));

	(void)listener;
	(void)address;
	(void)len;
	if (!connection) {
		evutil_closesocket(fd);
		return;
	}
	if (connect_to(grpc, connection, fd)) {
		if (connection->buffers)
			bufferevent_free(connection->buffers);
		nghttp2_session_del(connection->session);
		free(connection);
		return;
	}
	connection->next = grpc->connections;
	grpc->connections = connection;
	if (++grpc->totals.connections >= GRPC_MAX_CONNECTIONS)
		pause_listener(grpc);
	if (grpc->request.tls)
		return;
	if (begin(connection))
		connection_free(connection);
	else
		connection_flush(connection);
}

/* Where descriptors have run out the listener would spin. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
	struct grpc *grpc = context;
	struct timeval pause = { .tv_usec = GRPC_PAUSE_MS * 1000 };

	(void)listener;
	log_put(grpc->request.log, "warn", "cannot accept a connection of gRPC: %s",
		strerror(errno));
	pause_listener(grpc);
	evtimer_add(grpc->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
	struct grpc *grpc = context;

	(void)fd;
	(void)what;
	if (grpc->totals.connections >= GRPC_MAX_CONNECTIONS)
		return; /* the next that ends makes room */
	evconnlistener_enable(grpc->listener);
	grpc->is_paused = false;
}

static int prepare(struct grpc *grpc)
{
	if (nghttp2_session_callbacks_new(&grpc->callbacks) || nghttp2_option_new(&grpc->options))
		return -ENOMEM;
	nghttp2_session_callbacks_set_send_callback(grpc->callbacks, on_send);
	grpc_set_calls(grpc->callbacks);
	grpc->resume = evtimer_new(grpc->request.base, on_resume, grpc);
	return grpc->resume ? 0 : -ENOMEM;
}

int grpc_new(const struct grpc_request *request, struct grpc **ret_grpc, unsigned *ret_port)
{
	const struct config *config = request->api->config;
	struct grpc *grpc = calloc(1, sizeof(*grpc));
	int err;

	if (!grpc)
		return -ENOMEM;
	grpc->request = *request;
	grpc->api = *request->api;
	err = prepare(grpc);
	err = err
		      ?: listener_tcp(request->base, "server", config->server.bind_address,
				      (unsigned)config->server.port, &grpc->listener, ret_port);
	if (err) {
		grpc_free(grpc);
		return err;
	}
	evconnlistener_set_error_cb(grpc->listener, on_accept_error);
	evconnlistener_set_cb(grpc->listener, on_accept, grpc);
	*ret_grpc = grpc;
	return 0;
}

void grpc_free(struct grpc *grpc)
{
	if (!grpc)
		return;
	if (grpc->listener)
		evconnlistener_free(grpc->listener);
	grpc->is_paused = false;
	while (grpc->connections) {
		struct connection *connection = grpc->connections;

		/* What fits into the socket goes out at once: the answers that are ready, and a farewell. */
		nghttp2_session_terminate_session(connection->session, NGHTTP2_NO_ERROR);
		connection->depth++;
		if (connection->is_secured && nghttp2_session_send(connection->session) == 0)
			bufferevent_flush(connection->buffers, EV_WRITE, BEV_FLUSH);
		connection_free(connection);
	}
	if (grpc->resume)
		event_free(grpc->resume);
	nghttp2_session_callbacks_del(grpc->callbacks);
	nghttp2_option_del(grpc->options);
	free(grpc);
}

/* A call that does not go on for want of the client. */
static void tick_call(struct call *call, uint64_t now)
{
	bool is_stuck = call->out_at < call->out.data.len || (call->has_ended && call->has_begun);

	if (call->method && call->method->tick && !call->has_ended)
		call->method->tick(call);
	if ((is_stuck && now > call->moved_mono_ns + GRPC_STALL_S * NS_PER_S) ||
	    (!call->is_half_closed && call->method && !call->method->is_stream &&
	     now > call->began_mono_ns + GRPC_REQUEST_S * NS_PER_S)) {
		call->connection->grpc->totals.cut++;
		call_cut(call, NGHTTP2_CANCEL);
	}
}

void grpc_tick(struct grpc *grpc)
{
	struct connection *next;
	uint64_t now = clock_mono_ns();

	for (struct connection *connection = grpc->connections; connection; connection = next) {
		uint64_t quiet_ns =
			connection->has_begun ? GRPC_IDLE_S * NS_PER_S : GRPC_HELLO_S * NS_PER_S;

		next = connection->next;
		if (!connection->calls && now > connection->idle_since_ns + quiet_ns) {
			grpc->totals.cut += !connection->has_begun;
			connection_free(connection);
			continue;
		}
		connection->depth++;
		for (struct call *call = connection->calls; call; call = call->next)
			tick_call(call, now);
		connection->depth--;
		connection_flush(connection);
	}
}

void grpc_totals(const struct grpc *grpc, struct grpc_totals *ret_totals)
{
	*ret_totals = grpc->totals;
}
