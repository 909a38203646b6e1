/* SPDX-License-Identifier: MIT */
#include "serve/client.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

static int fail_nobody(const char *address, int err)
{
	err = fail(err, "no kymo answers at '%s': %s", address, strerror(-err));
	hint("'sudo kymo serve' starts one; or name its store: '--store FILE'");
	return err;
}

static int connect_unix(const char *address, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	own(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(-errno, "cannot make a socket: %m");
	if (strlen(path) >= sizeof(to.sun_path))
		return fail(-EINVAL, "'%s' is too long for a socket", path);
	strcpy(to.sun_path, path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return fail_nobody(address, -errno);
	return fd_take(&fd);
}

/* "127.0.0.1:8080", "[::1]:8080", with or without a slash behind. */
static int split_host(const char *address, const char *text, char host[256], char port[8])
{
	size_t len = strcspn(text, "/");
	const char *end = text + len, *colon = end;

	while (colon > text && colon[-1] != ':' && colon[-1] != ']')
		colon--;
	if (colon == text || colon[-1] != ':')
		snprintf(port, 8, "80");
	else if (end - colon < 6 && end > colon)
		snprintf(port, 8, "%.*s", (int)(end - colon), colon);
	else
		return fail(-EINVAL, "'%s' has no port that is one", address);
	if (colon > text && colon[-1] == ':')
		end = colon - 1;
	if (*text == '[' && end > text && end[-1] == ']') {
		text++;
		end--;
	}
	if (end == text || end - text > 255)
		return fail(-EINVAL, "'%s' is no address of a kymo", address);
	snprintf(host, 256, "%.*s", (int)(end - text), text);
	return 0;
}

static int connect_tcp(const char *address, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	own(fd_closep) int fd = -1;
	char host[256], port[8];
	int err = split_host(address, text, host, port);

	if (err)
		return err;
	err = getaddrinfo(host, port, &hints, &list);
	if (err)
		return fail(-EINVAL, "'%s' is no address of a kymo: %s", address,
			    gai_strerror(err));
	err = -ECONNREFUSED;
	for (struct addrinfo *one = list; one && fd < 0; one = one->ai_next) {
		fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
		if (fd < 0 || connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
			err = -errno;
			fd_closep(&fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd < 0 ? fail_nobody(address, err) : fd_take(&fd);
}

static int open_connection(const char *address)
{
	struct timeval patience = { .tv_sec = CLIENT_TIMEOUT_S };
	int fd;

	if (*address == '/')
		fd = connect_unix(address, address);
	else if (strncmp(address, "unix:", 5) == 0)
		fd = connect_unix(address, address + 5);
	else if (strncmp(address, "http://", 7) == 0)
		fd = connect_tcp(address, address + 7);
	else if (strstr(address, "://"))
		return fail(-EINVAL,
			    "'%s' is no address that can be asked: http:// or unix:", address);
	else
		fd = connect_tcp(address, address);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	return fd;
}

static void put_encoded(FILE *out, const char *text, const char *plain)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text) || strchr(plain, *text))
			putc(*text, out);
		else
			fprintf(out, "%%%02X", (unsigned char)*text);
}

static int send_request(int fd, const struct request *request)
{
	own(freep) char *text = NULL;
	size_t len, at = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fputs("GET ", out);
	put_encoded(out, request->path, "/");
	vec_each(parameter, &request->parameters) {
		putc(parameter == request->parameters.data ? '?' : '&', out);
		put_encoded(out, parameter->name, "!"); /* evhttp decodes values alone */
		putc('=', out);
		put_encoded(out, parameter->value, "");
	}
	fputs(" HTTP/1.0\r\nHost: localhost\r\n\r\n", out);
	if (fclose(out) != 0)
		return -ENOMEM;
	while (at < len) {
		ssize_t sent = send(fd, text + at, len - at, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		at += (size_t)sent;
	}
	return 0;
}

/* The value of Content-Length among the headers; UINT64_MAX: there is none. */
static uint64_t body_length(const char *head, const char *end)
{
	static const char name[] = "\r\nContent-Length:";

	for (const char *at = head; at + sizeof(name) < end; at++)
		if (strncasecmp(at, name, sizeof(name) - 1) == 0)
			return strtoull(at + sizeof(name) - 1, NULL, 10);
	return UINT64_MAX;
}

static int read_response(char *text, size_t len, struct response *response)
{
	char *body = memmem(text, len < CLIENT_MAX_HEAD ? len : CLIENT_MAX_HEAD, "\r\n\r\n", 4);
	uint64_t promised;
	int status = 0;

	if (!body || sscanf(text, "HTTP/1.%*1[01] %3d", &status) != 1 || status < 100)
		return -EPROTO;
	body += 4;
	len -= (size_t)(body - text);
	promised = body_length(text, body);
	if (promised != UINT64_MAX && promised != len)
		return -EPROTO;
	free(response->body);
	response->body = malloc(len + 1);
	if (!response->body)
		return -ENOMEM;
	memcpy(response->body, body, len);
	response->body[len] = '\0';
	response->len = len;
	response->status = status;
	return 0;
}

int client_get(const char *address, const struct request *request, struct response *response)
{
	own(fd_closep) int fd = open_connection(address);
	own(freep) char *text = NULL;
	size_t len = 0;
	int err = fd < 0 ? fd : 0;

	if (err)
		return err;
	err = send_request(fd, request);
	err = err ?: file_read_all(fd, CLIENT_MAX_BODY, &text, &len);
	err = err ?: read_response(text, len, response);
	if (err == -EPROTO)
		return fail(err, "what answers at '%s' is no kymo, or ended before its answer did",
			    address);
	if (err == -EAGAIN)
		return fail(-ETIME, "the kymo at '%s' did not answer within %d s", address,
			    CLIENT_TIMEOUT_S);
	return err ? fail(err, "the answer of '%s' was cut: %s", address, strerror(-err)) : 0;
}
