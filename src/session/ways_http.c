/* SPDX-License-Identifier: MIT */
#include "session/ways_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "collect/http/requests.h"

#define UNSEEN                                                                                   \
	"TLS only of OpenSSL and of Go's net/http, HTTP/2 only of the latter, both with --tls; " \
	"HTTP/3 and Unix sockets are not seen"

#define IN_PACKETS                                                                                   \
	"in the packets of connections: the kernel lacks the hooks at sockets; without CPU time of " \
	"requests, and nothing behind TLS"

static const char question[] = "GET /kymo-doctor HTTP/1.1\r\nHost: here\r\n\r\n";
static const char reply[] = "HTTP/1.1 204 No Content\r\n\r\n";

static int count_record(void *context, const struct http_record *record)
{
	unsigned *count = context;

	*count += record->status == 204;
	return 0;
}

/* Return: a socket that listens on loopback; -errno. */
static int listen_here(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&address, &len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* One request and its answer.  Return: 0; -errno. */
static int exchange(int listener, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(port) };
	own(fd_closep) int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	own(fd_closep) int server = -1;
	char bytes[sizeof(question)];

	if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0 || send(client, question, strlen(question), MSG_NOSIGNAL) < 0 ||
	    recv(server, bytes, sizeof(bytes), 0) < 0 ||
	    send(server, reply, strlen(reply), MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

static int try_once(unsigned *ret_count, enum requests_way *ret_way)
{
	own(requests_closep) struct requests *requests = NULL;
	own(fd_closep) int listener = -1;
	struct requests_request request = { .each = count_record, .context = ret_count };
	int err;

	listener = listen_here(&request.port);
	if (listener < 0)
		return fail(listener, "cannot listen on loopback: %m");
	err = requests_open(&request, &requests);
	if (err)
		return err;
	*ret_way = requests_way(requests);
	requests_arm(requests);
	err = exchange(listener, request.port);
	if (err)
		return fail(err, "cannot send a request over loopback: %m");
	err = requests_settle(requests, true);
	return err ?: requests_drain(requests);
}

int ways_http_try(struct diagnosis *diagnosis)
{
	struct finding finding = {
		"http",
		FINDING_EVENTS,
		"requests of HTTP/1 servers, from their sockets",
		"kymo latency --http",
		{ .state = ABILITY_ABSENT },
	};
	struct ability_result *result = &finding.result;
	enum requests_way way = REQUESTS_BY_TRACEPOINT;
	unsigned count = 0;
	int err;

	error_clear();
	err = try_once(&count, &way);
	if (!err && count) {
		result->state = way == REQUESTS_BY_PACKETS ? ABILITY_DEGRADED : ABILITY_WORKS;
		snprintf(result->reason, sizeof(result->reason), "%s",
			 way == REQUESTS_BY_PACKETS ? IN_PACKETS : UNSEEN);
	} else if (err) {
		result->error = -err;
		if (err == -EPERM || err == -EACCES) {
			result->state = ABILITY_FORBIDDEN;
			memcpy(result->remedy, diagnosis->remedy, sizeof(result->remedy));
		}
		snprintf(result->reason, sizeof(result->reason), "%s", error_text());
	} else {
		snprintf(result->reason, sizeof(result->reason),
			 "a request of this program itself was not seen");
	}
	error_clear();
	return vec_push(&diagnosis->findings, finding);
}
