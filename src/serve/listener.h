/* SPDX-License-Identifier: MIT */
/* listener.h - where clients come in: a TCP address or a Unix socket, bound, with nobody to answer yet. */
#ifndef SERVE_LISTENER_H
#define SERVE_LISTENER_H

#include <stdbool.h>

#include "base/own.h"

struct event_base;
struct evconnlistener;

/**
 * listener_tcp - an address in digits
 * @table: of the settings that name it, for the sentence of an error
 * @ret_port: of @port 0 the one that was free
 *
 * Return: 0; -EADDRINUSE; -errno; with fail() said.
 */
nodiscard int listener_tcp(struct event_base *base, const char *table, const char *address,
			   unsigned port, struct evconnlistener **ret_listener, unsigned *ret_port);

/** listener_unix - a socket of mode 0660, in the place of one that was left behind.  As listener_tcp() */
nodiscard int listener_unix(struct event_base *base, const char *path,
			    struct evconnlistener **ret_listener);

#endif
