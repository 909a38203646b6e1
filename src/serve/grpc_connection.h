/* SPDX-License-Identifier: MIT */
/* grpc_connection.h - what grpc.c and grpc_call.c share: a connection and its calls.  For these alone. */
#ifndef SERVE_GRPC_CONNECTION_H
#define SERVE_GRPC_CONNECTION_H

#include <nghttp2/nghttp2.h>

#include "serve/grpc_call.h"

struct bufferevent;
struct event;

struct call {
	struct connection *connection;
	struct call *next;
	int32_t id;
	const struct grpc_method *method; /* NULL: none yet */
	/* What its headers say. */
	char path[128];
	char *token; /* of `authorization` */
	size_t header_bytes;
	bool is_post, is_grpc, wants_gzip, has_bad_encoding, has_bad_timeout;
	uint64_t timeout_ns; /* 0: none */
	struct event *deadline;
	struct grpc_reader reader;
	struct grpc_bytes request; /* of a method that takes one message */
	unsigned requests;
	bool is_half_closed; /* the client sends no more */
	/* The answer. */
	struct grpc_bytes out;
	size_t out_at;
	bool has_begun, is_waiting, has_ended, has_trailers;
	enum grpc_status status;
	char text[256];
	const char *trailer_name;
	uint64_t trailer_number;
	void *state;
	uint64_t began_mono_ns, moved_mono_ns;
};

struct connection {
	struct grpc *grpc;
	struct connection *next;
	struct bufferevent *buffers;
	nghttp2_session *session;
	struct call *calls;
	unsigned depth;  /* of our own functions above nghttp2's */
	bool is_dead;    /* to be freed by the outermost of them */
	bool has_begun;  /* its settings have come */
	bool is_secured; /* the handshake of TLS is over, or there is none */
	unsigned odd;
	uint64_t odd_since_ns, idle_since_ns;
};

struct grpc {
	struct grpc_request request;
	struct api api;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *options;
	struct evconnlistener *listener;
	struct event *resume;
	struct connection *connections;
	struct grpc_totals totals;
	bool is_paused;
};

/** grpc_set_calls - the callbacks of nghttp2 that calls are made of */
void grpc_set_calls(nghttp2_session_callbacks *callbacks);

/** call_free - with what belongs to it; not out of its connection's list */
void call_free(struct call *call);

/** call_cut - end it at the level of HTTP/2, without a status */
void call_cut(struct call *call, uint32_t error);

/** connection_flush - send what there is; frees a connection that is over, unless we are called by it */
void connection_flush(struct connection *connection);

#endif
