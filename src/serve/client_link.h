/* SPDX-License-Identifier: MIT */
/* client_link.h - a connection to a daemon: by TCP, by TLS on it, or by a Unix socket; for src/serve/client.c.
 *
 * By TLS whoever answers shows a certificate of the name or address that was asked for, else nothing is sent.
 * A token is sent in the clear to this host alone.
 */
#ifndef SERVE_CLIENT_LINK_H
#define SERVE_CLIENT_LINK_H

#include <sys/types.h>

#include "serve/client.h"

struct client_link;

/** client_link_open - Return: 0; -ECONNREFUSED and the like; -EINVAL; with fail() said */
nodiscard int client_link_open(const char *address, const struct client_options *options,
			       struct client_link **ret_link);
void client_link_free(struct client_link *link);
own_define(struct client_link, client_link_free)

/** client_link_write - all of it.  Return: 0; -errno without fail() */
nodiscard int client_link_write(struct client_link *link, const char *text, size_t len);

/** client_link_read - some of what comes.  Return: bytes, 0 at the end; -EACCES with fail() said: what we
 * showed is not enough; -errno without fail() */
nodiscard ssize_t client_link_read(struct client_link *link, char *text, size_t size);

/** client_link_wait - until something may be read, or @stop can be (-1: none).  Return: whether @stop can */
bool client_link_wait(struct client_link *link, int stop);

#endif
