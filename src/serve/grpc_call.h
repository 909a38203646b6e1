/* SPDX-License-Identifier: MIT */
/* grpc_call.h - one call, as its method sees it.  For the methods in serve/grpc_*.c alone. */
#ifndef SERVE_GRPC_CALL_H
#define SERVE_GRPC_CALL_H

#include <protobuf-c/protobuf-c.h>

#include "serve/grpc.h"
#include "serve/grpc_wire.h"

struct call;

struct grpc_method {
	const char *path; /* "/package.Service/Method" */
	bool is_stream;   /* of requests: message() is called with each, when it comes */
	void (*message)(struct call *call, const uint8_t *bytes, size_t len);
	void (*more)(
		struct call *call); /* all has been sent that was; NULL: then call_end() follows */
	void (*tick)(struct call *call); /* once a second; may be NULL */
	void (*gone)(struct call *call); /* the client, or the call is over; may be NULL */
};

/* Closed by a row without path. */
extern const struct grpc_method grpc_profiler_methods[], grpc_health_methods[],
	grpc_reflection_methods[];

const struct api *call_api(const struct call *call);
struct pool *call_pool(struct call *call);
struct helds *call_helds(struct call *call);

/** call_state - the method's own; freed with the call */
void *call_state(const struct call *call);
void call_set_state(struct call *call, void *state);

/** call_send - one message; what cannot be sent ends the call */
void call_send(struct call *call, const ProtobufCMessage *message);

/** call_end - nothing follows but the status, behind what was sent; the first one counts */
void call_end(struct call *call, enum grpc_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** call_trailer - a number behind the status: name in lower case */
void call_trailer(struct call *call, const char *name, uint64_t number);

/** call_go_on - after call_send() or call_end() outside of a method's functions */
void call_go_on(struct call *call);

#endif
