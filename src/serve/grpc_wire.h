/* SPDX-License-Identifier: MIT */
/* grpc_wire.h - what gRPC puts on top of HTTP/2: messages in frames, time-outs and texts in headers.
 *
 *     flag (1 byte: 1 is gzip) | length (4 bytes, big endian) | message      again and again
 *
 * A message may come in pieces and several at once.  Pure computing, bytes from anybody.
 */
#ifndef SERVE_GRPC_WIRE_H
#define SERVE_GRPC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

#define GRPC_MAX_MESSAGE 65536 /* bytes of one that is read, also when it is unpacked */
#define GRPC_HEAD_BYTES  5

/* The numbers of gRPC. */
enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16
};

struct grpc_bytes {
	vec(uint8_t) data;
};

/* What has come of a stream of messages. */
struct grpc_reader {
	struct grpc_bytes pending;
	bool takes_gzip; /* the client has named it as its encoding */
};

/**
 * grpc_read - take what has come
 * @message: called with each message that is whole; @bytes are valid during the call alone.  It returns
 *           false when no further one is wanted
 *
 * Return: GRPC_OK; GRPC_RESOURCE_EXHAUSTED one is too long; GRPC_UNIMPLEMENTED one is packed in a way that
 * was not named; GRPC_INTERNAL it cannot be unpacked; GRPC_UNAVAILABLE no memory.
 */
nodiscard enum grpc_status
grpc_read(struct grpc_reader *reader, const uint8_t *bytes, size_t len,
	  bool (*message)(void *context, const uint8_t *bytes, size_t len), void *context);

/** grpc_read_is_whole - nothing of a message is left over */
bool grpc_read_is_whole(const struct grpc_reader *reader);
void grpc_reader_done(struct grpc_reader *reader);

/** grpc_write - append one message, packed where @gzip says so and it becomes shorter.  0; -ENOMEM */
nodiscard int grpc_write(struct grpc_bytes *out, const uint8_t *bytes, size_t len, bool gzip);

/** grpc_timeout - "100m" as nanoseconds.  Return: 0; -EINVAL */
nodiscard int grpc_timeout(const char *text, size_t len, uint64_t *ret_ns);

/** grpc_put_text - for the header grpc-message: what is no plain character as %XX; cut where it does not fit */
void grpc_put_text(char *out, size_t size, const char *text);

#endif
