/* SPDX-License-Identifier: MIT */
#include "serve/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/listener.h>
#include <event2/util.h>

#include "base/error.h"

static int bind_at(struct event_base *base, const struct sockaddr *address, int len,
		   const char *table, const char *name, struct evconnlistener **ret_listener)
{
	unsigned flags = LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE;
	int err;

	*ret_listener = evconnlistener_new_bind(base, NULL, NULL, flags, -1, address, len);
	if (*ret_listener)
		return 0;
	err = fail(-EVUTIL_SOCKET_ERROR(), "cannot listen at %s: %m", name);
	if (err == -EADDRINUSE)
		hint("another program has this address; choose another [%s] port", table);
	return err;
}

int listener_tcp(struct event_base *base, const char *table, const char *address, unsigned port,
		 struct evconnlistener **ret_listener, unsigned *ret_port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	socklen_t len = is_six ? sizeof(six) : sizeof(four);
	struct sockaddr *bound = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	char name[640];
	int err;

	if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1)
		return fail(-EINVAL, "[%s] bind_address '%s' is no address", table, address);
	snprintf(name, sizeof(name), is_six ? "[%s]:%u" : "%s:%u", address, port);
	err = bind_at(base, bound, (int)len, table, name, ret_listener);
	if (err)
		return err;
	getsockname(evconnlistener_get_fd(*ret_listener), bound, &len);
	*ret_port = ntohs(is_six ? six.sin6_port : four.sin_port);
	return 0;
}

int listener_unix(struct event_base *base, const char *path, struct evconnlistener **ret_listener)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat there;
	int err;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(-EINVAL, "[http] unix_socket '%s' is too long", path);
	strcpy(address.sun_path, path);
	/* A socket that a daemon before left behind; whoever holds the store's lock may take its place. */
	if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode))
		unlink(path);
	err = bind_at(base, (struct sockaddr *)&address, sizeof(address), "http", path,
		      ret_listener);
	if (err)
		return err;
	return chmod(path, 0660) != 0 ? fail(-errno, "cannot set the rights of '%s': %m", path) : 0;
}
