/* SPDX-License-Identifier: MIT */
/* grpc.h - calls by gRPC: HTTP/2 by nghttp2 on the loop, a stream of it for each call.
 *
 *     client ──frames──> connection ──headers, messages──> call ──> method
 *            <──frames──            <──messages, status───      <──
 *
 * Ceilings: GRPC_MAX_CONNECTIONS, beyond which clients wait to be accepted; GRPC_MAX_CALLS for each of them;
 * GRPC_MAX_MESSAGE for what is read; GRPC_MAX_HEADERS bytes of headers; GRPC_MAX_UNSENT bytes that wait for a
 * slow client, who is asked no more until they are gone; [http] max_waiting_bytes for results that are being sent
 * (held.h), whose call ends with RESOURCE_EXHAUSTED when it is dropped; GRPC_MAX_ODD frames that cost us work and the client
 * nothing, in ten seconds.  A client has GRPC_HELLO_S to begin, GRPC_REQUEST_S for a request, GRPC_STALL_S to take
 * what is sent, and GRPC_IDLE_S without a call.  What is cut short by these is counted.
 */
#ifndef SERVE_GRPC_H
#define SERVE_GRPC_H

#include "serve/pool.h"

#define GRPC_MAX_CONNECTIONS 64
#define GRPC_MAX_CALLS       100
#define GRPC_MAX_HEADERS     16384
#define GRPC_MAX_UNSENT      65536
#define GRPC_MAX_ANSWERS     1048576 /* bytes of one call that wait, when a further one is to be sent */
#define GRPC_MAX_ODD         1000
#define GRPC_HELLO_S         30
#define GRPC_REQUEST_S       30
#define GRPC_STALL_S         60
#define GRPC_IDLE_S          300
#define GRPC_PAUSE_MS        200

struct event_base;
struct grpc;
struct tls;
struct auth;
struct helds;

struct grpc_totals {
	uint64_t connections, calls; /* now */
	uint64_t started, failed,
		late;     /* calls; those with a status other than 0, and after their time-out */
	uint64_t refused; /* without a token that is known */
	uint64_t cut;     /* connections that a ceiling ended */
};

/* All that one needs. */
struct grpc_request {
	struct event_base *base;
	const struct api *api;
	const struct log *log;
	struct pool *pool;
	struct helds *helds;
	struct tls *tls;   /* NULL: in the clear */
	struct auth *auth; /* NULL: anybody */
};

/**
 * grpc_new - listen at [server]
 * @ret_port: where it listens, of port 0 the one that was free
 *
 * Return: 0; -EADDRINUSE; -errno; with fail() said.
 */
nodiscard int grpc_new(const struct grpc_request *request, struct grpc **ret_grpc,
		       unsigned *ret_port);
void grpc_free(struct grpc *grpc);

/** grpc_tick - once a second: what takes too long ends, who watches is told */
void grpc_tick(struct grpc *grpc);
void grpc_totals(const struct grpc *grpc, struct grpc_totals *ret_totals);

#endif
