/* SPDX-License-Identifier: MIT */
/* tls.h - TLS 1.2 and later for whoever connects, by OpenSSL on libevent.
 *
 * With a file of authorities clients need a certificate that one of them has signed.  The files are read
 * again by tls_reload(); connections keep what they began with.
 */
#ifndef SERVE_TLS_H
#define SERVE_TLS_H

#include <stdbool.h>

#include "base/own.h"

struct bufferevent;
struct event_base;
struct tls;

struct tls_files {
	const char *cert, *key;
	const char *ca; /* "": clients need no certificate */
};

/**
 * tls_new - read the files
 * @files: borrowed for good
 * @protocol: of ALPN: "h2" alone is taken; "http/1.1" also where a client names none
 *
 * Return: 0; -EINVAL a file is wrong, or others may read the key; -errno; with fail() said.
 */
nodiscard int tls_new(const struct tls_files *files, const char *protocol, struct tls **ret_tls);
void tls_free(struct tls *tls);

/** tls_reload - what cannot be read changes nothing.  As tls_new() */
nodiscard int tls_reload(struct tls *tls);

/** tls_accept - @fd: -1: to be set later; @flags: of libevent.  NULL: no memory; then @fd is the caller's */
struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd, int flags);

/** tls_speaks - whether the handshake ended with this protocol; true without TLS */
bool tls_speaks(struct bufferevent *buffers, const char *protocol);

#endif
