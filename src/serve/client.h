/* SPDX-License-Identifier: MIT */
/* client.h - asks a daemon that runs, over HTTP/1.0: one question, one answer, the connection ends.
 *
 * The answer may come from anybody who listens there, so all of it has a ceiling; but a stream of events, which
 * is handed on as it comes.
 */
#ifndef SERVE_CLIENT_H
#define SERVE_CLIENT_H

#include "base/own.h"
#include "serve/message.h"

#define CLIENT_TIMEOUT_S 60         /* without a byte */
#define CLIENT_MAX_HEAD  65536      /* bytes of a status line and headers */
#define CLIENT_MAX_BODY  (1u << 30) /* bytes */

/* Whom we trust, and who we are. */
struct client_options {
	const char *ca;         /* a file of authorities; NULL: those of this host */
	const char *cert, *key; /* a certificate of our own; NULL: none */
	const char *token;      /* NULL: none */
};

/* Who takes a stream of events. */
struct client_stream {
	/* 0: go on; 1: that is enough; -errno with fail() said */
	int (*put)(void *context, const char *text, size_t len);
	void *context;
	int stop; /* a descriptor: when it becomes readable, that is enough; -1: none */
};

/**
 * client_get - ask
 * @address: "http://127.0.0.1:8080", "https://host:8443", "unix:/run/kymo/http.sock", or the path of such a socket
 * @stream: takes an answer that is one, which then has no body; NULL: it is an answer as any
 *
 * Return: 0 with any status in @response; -ECONNREFUSED and the like nobody answers there; -EACCES one end does
 * not trust the other; -EPROTO what came is no answer; -EFBIG; -EINVAL; -ENOMEM; with fail() said.
 */
nodiscard int client_get(const char *address, const struct client_options *options,
			 const struct client_stream *stream, const struct request *request,
			 struct response *response);

#endif
