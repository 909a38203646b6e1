/* SPDX-License-Identifier: MIT */
#include "serve/visits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/tcp.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include "base/clock.h"
#include "base/error.h"

enum visit_stage {
	VISIT_WAITING,
	VISIT_ASKED,
	VISIT_ANSWERED,
	VISIT_STREAMED
};

struct visit {
	struct held held; /* the first member: an answer */
	int fd;
	uint64_t cookie; /* of the socket: descriptors are given away again */
	enum visit_stage stage;
	uint64_t since_ns; /* it is in this stage */
	uint64_t began_ns; /* the first byte of a request was seen; 0: none was */
	uint64_t received; /* bytes, when the request before was whole */
	struct evhttp_connection *connection; /* VISIT_ANSWERED; NULL: gone */
	size_t unsent;
	uint64_t acked; /* bytes that are known to have reached the client, of all its answers */
};

void visits_init(struct visits *visits, const struct config *config, struct helds *helds)
{
	*visits = (struct visits){
		.config = config,
		.helds = helds,
		.unix_socket = config->http.unix_socket,
	};
}

static void forget(struct visits *visits, struct visit *visit)
{
	held_remove(&visit->held);
	visits->list.data[visit->fd] = NULL;
	visits->totals.open--;
	free(visit);
}

void visits_done(struct visits *visits)
{
	vec_each(visit, &visits->list) {
		if (*visit && (*visit)->connection)
			evhttp_connection_set_closecb((*visit)->connection, NULL, NULL);
		if (*visit)
			forget(visits, *visit);
	}
	vec_done(&visits->list);
}

/* 0: it is no socket. */
static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

/* What came and went by TCP; of a Unix socket nobody counts it. */
static struct tcp_info counts_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info
								       : (struct tcp_info){ 0 };
}

static uint64_t received(int fd)
{
	return counts_of(fd).tcpi_bytes_received;
}

static struct visit *add(struct visits *visits, int fd, uint64_t cookie)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	while (visit && visits->list.len <= (size_t)fd)
		if (vec_push(&visits->list, NULL)) {
			free(visit);
			return NULL;
		}
	if (!visit)
		return NULL;
	visit->fd = fd;
	visit->cookie = cookie;
	visit->since_ns = clock_mono_ns();
	visits->list.data[fd] = visit;
	visits->totals.open++;
	return visit;
}

static struct visit *at(const struct visits *visits, int fd)
{
	return fd >= 0 && (size_t)fd < visits->list.len ? visits->list.data[fd] : NULL;
}

/* NULL: no memory, and so no clock but that of evhttp. */
static struct visit *visit_of(struct visits *visits, struct evhttp_request *evhttp)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(evhttp);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	struct visit *visit = at(visits, fd);
	uint64_t cookie = fd < 0 ? 0 : cookie_of(fd);

	if (visit && visit->cookie != cookie)
		forget(visits, visit);
	else if (visit)
		return visit;
	return cookie ? add(visits, fd, cookie) : NULL;
}

static void enter(struct visit *visit, enum visit_stage stage)
{
	visit->stage = stage;
	visit->since_ns = clock_mono_ns();
	visit->began_ns = 0;
}

void visits_asked(struct visits *visits, struct evhttp_request *evhttp)
{
	struct visit *visit = visit_of(visits, evhttp);

	/* What takes its time now is ours. */
	evhttp_connection_set_timeout(evhttp_request_get_connection(evhttp), 0);
	if (!visit)
		return;
	enter(visit, VISIT_ASKED);
	visit->received = received(visit->fd);
}

void visits_streamed(struct visits *visits, struct evhttp_request *evhttp)
{
	struct visit *visit = visit_of(visits, evhttp);

	if (visit)
		enter(visit, VISIT_STREAMED);
}

static size_t unsent(const struct visit *visit)
{
	struct bufferevent *buffers = evhttp_connection_get_bufferevent(visit->connection);

	return evbuffer_get_length(bufferevent_get_output(buffers));
}

static int patience_s(const struct visits *visits)
{
	return (int)visits->config->http.request_s + VISIT_SPARE_S;
}

/* All of an answer is with the kernel; evhttp reads the next request, or ends. */
static void on_taken(struct evhttp_request *evhttp, void *context)
{
	struct visits *visits = context;
	struct evhttp_connection *connection = evhttp_request_get_connection(evhttp);
	struct visit *visit = visit_of(visits, evhttp);

	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_connection_set_timeout(connection, patience_s(visits));
	if (!visit)
		return;
	held_remove(&visit->held);
	visit->connection = NULL;
	enter(visit, VISIT_WAITING);
}

static void on_gone(struct evhttp_connection *connection, void *context)
{
	struct visit *visit = context;

	(void)connection;
	held_remove(&visit->held);
	visit->connection = NULL;
}

static void cut(struct visit *visit, uint64_t *count)
{
	++*count;
	shutdown(visit->fd, SHUT_RDWR);
}

static void drop(struct held *held)
{
	const struct visit *visit = (const struct visit *)held;

	shutdown(visit->fd, SHUT_RDWR);
}

void visits_answered(struct visits *visits, struct evhttp_request *evhttp, size_t bytes)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(evhttp);
	struct visit *visit = visit_of(visits, evhttp);

	evhttp_request_set_on_complete_cb(evhttp, on_taken, visits);
	evhttp_connection_set_closecb(connection, visit ? on_gone : NULL, visit);
	if (!visit) {
		evhttp_connection_set_timeout(connection, patience_s(visits));
		return;
	}
	enter(visit, VISIT_ANSWERED);
	visit->connection = connection;
	visit->unsent = SIZE_MAX;
	visit->held.bytes = bytes;
	visit->held.moved_mono_ns = visit->since_ns;
	visit->held.drop = drop;
	if (!visit->held.all && held_add(visits->helds, &visit->held))
		error_clear();
}

/* Ours, and of a client: not one that listens, nor one of gRPC. */
static bool is_visit(const struct visits *visits, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_un path;
	} name = { 0 }, peer = { 0 };
	socklen_t len = sizeof(name), peer_len = sizeof(peer);

	if (getpeername(fd, &peer.any, &peer_len) != 0 || getsockname(fd, &name.any, &len) != 0)
		return false;
	if (name.any.sa_family == AF_INET)
		return ntohs(name.four.sin_port) == visits->port;
	if (name.any.sa_family == AF_INET6)
		return ntohs(name.six.sin6_port) == visits->port;
	return name.any.sa_family == AF_UNIX && *visits->unix_socket &&
	       strncmp(name.path.sun_path, visits->unix_socket, sizeof(name.path.sun_path)) == 0;
}

static void find_new(struct visits *visits)
{
	size_t most = visits->config->http.max_connections + VISIT_DESCRIPTORS_BESIDE;

	for (int fd = 3; (size_t)fd < most; fd++)
		if (!at(visits, fd) && is_visit(visits, fd))
			add(visits, fd, cookie_of(fd));
}

static bool is_over(uint64_t since_ns, uint64_t seconds)
{
	return clock_mono_ns() > since_ns + seconds * NS_PER_S;
}

static void look_at_request(struct visits *visits, struct visit *visit)
{
	uint64_t seconds = visits->config->http.request_s;

	if (!visit->began_ns && received(visit->fd) > visit->received)
		visit->began_ns = clock_mono_ns();
	if (visit->began_ns && is_over(visit->began_ns, seconds))
		cut(visit, &visits->totals.slow_requests);
	else if (!visit->began_ns && is_over(visit->since_ns, seconds))
		shutdown(visit->fd, SHUT_RDWR); /* it has nothing to ask */
}

/* TLS takes an answer in one piece, and what of it waits tells nothing until all is gone: so what has arrived counts. */
static void look_at_answer(struct visits *visits, struct visit *visit)
{
	uint64_t seconds = visits->config->http.answer_s,
		 acked = counts_of(visit->fd).tcpi_bytes_acked;
	size_t left = unsent(visit);

	if (left < visit->unsent || acked > visit->acked)
		held_moved(&visit->held);
	visit->unsent = left;
	visit->acked = acked;
	if (is_over(visit->held.moved_mono_ns, seconds) ||
	    is_over(visit->since_ns, seconds + visit->held.bytes / VISIT_SLOWEST))
		cut(visit, &visits->totals.slow_answers);
}

void visits_tick(struct visits *visits, bool are_new)
{
	vec_each(one, &visits->list) {
		struct visit *visit = *one;

		if (!visit)
			continue;
		if (cookie_of(visit->fd) != visit->cookie)
			forget(visits, visit);
		else if (visit->stage == VISIT_WAITING)
			look_at_request(visits, visit);
		else if (visit->stage == VISIT_ANSWERED && visit->connection)
			look_at_answer(visits, visit);
	}
	if (are_new)
		find_new(visits);
}

void visits_make_room(struct visits *visits)
{
	find_new(visits);
	vec_each(one, &visits->list)
		if (*one && (*one)->stage == VISIT_WAITING &&
		    cookie_of((*one)->fd) == (*one)->cookie &&
		    is_over((*one)->since_ns, VISIT_CROWDED_S))
			cut(*one, &visits->totals.displaced);
}
