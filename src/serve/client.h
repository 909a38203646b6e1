/* SPDX-License-Identifier: MIT */
/* client.h - asks a daemon that runs, over HTTP/1.0: one question, one answer, the connection ends.
 *
 * The answer may come from anybody who listens there, so all of it has a ceiling.
 */
#ifndef SERVE_CLIENT_H
#define SERVE_CLIENT_H

#include "base/own.h"
#include "serve/message.h"

#define CLIENT_TIMEOUT_S 60         /* without a byte */
#define CLIENT_MAX_HEAD  65536      /* bytes of a status line and headers */
#define CLIENT_MAX_BODY  (1u << 30) /* bytes */

/**
 * client_get - ask
 * @address: "http://127.0.0.1:8080", "unix:/run/kymo/http.sock", or the path of such a socket
 *
 * Return: 0 with any status in @response; -ECONNREFUSED and the like nobody answers there; -EPROTO what came
 * is no answer; -EINVAL; -ENOMEM; with fail() said.
 */
nodiscard int client_get(const char *address, const struct request *request,
			 struct response *response);

#endif
