/* SPDX-License-Identifier: MIT */
/* protobuf.h - writes Protocol Buffers (proto3 wire format) into memory, no schema, no reflection.
 *
 * A message is built in a buffer of its own and then put into the one around it:
 *
 *     protobuf_number(&line, 1, function_id);
 *     protobuf_message(&location, 4, &line);         line is empty again
 *
 * As in proto3 a number that is 0 is not written.  Running out of memory is remembered in `err`,
 * also by the message around; check it once, at the end.
 */
#ifndef SHIP_PROTOBUF_H
#define SHIP_PROTOBUF_H

#include <stdint.h>

#include "base/vec.h"

struct protobuf {
	vec(uint8_t) bytes;
	int err; /* 0; -ENOMEM */
};

/** protobuf_number - a field of type int64, uint64, int32, bool or enum */
void protobuf_number(struct protobuf *message, uint32_t field, uint64_t value);

/** protobuf_bytes - a field of type string or bytes, also when empty (repeated strings need it) */
void protobuf_bytes(struct protobuf *message, uint32_t field, const void *bytes, size_t len);

/** protobuf_message - a field that is a message, or packed numbers; empties @inner */
void protobuf_message(struct protobuf *message, uint32_t field, struct protobuf *inner);

/** protobuf_packed - one more element of packed numbers */
void protobuf_packed(struct protobuf *numbers, uint64_t value);

static inline void protobuf_done(struct protobuf *message)
{
	vec_done(&message->bytes);
}

#endif
