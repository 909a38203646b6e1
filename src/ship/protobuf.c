/* SPDX-License-Identifier: MIT */
#include "ship/protobuf.h"

#include <string.h>

#define VARINT_MAX_BYTES 10

/* Wire types. */
#define VARINT           0u
#define LEN              2u

static void put(struct protobuf *message, const void *bytes, size_t len)
{
	if (!message->err)
		message->err = vec_reserve(&message->bytes, len);
	if (message->err || !len)
		return;
	memcpy(message->bytes.data + message->bytes.len, bytes, len);
	message->bytes.len += len;
}

void protobuf_packed(struct protobuf *numbers, uint64_t value)
{
	uint8_t bytes[VARINT_MAX_BYTES];
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[len++] = (uint8_t)(value | 0x80);
	bytes[len++] = (uint8_t)value;
	put(numbers, bytes, len);
}

void protobuf_number(struct protobuf *message, uint32_t field, uint64_t value)
{
	if (!value)
		return;
	protobuf_packed(message, (uint64_t)field << 3 | VARINT);
	protobuf_packed(message, value);
}

void protobuf_bytes(struct protobuf *message, uint32_t field, const void *bytes, size_t len)
{
	protobuf_packed(message, (uint64_t)field << 3 | LEN);
	protobuf_packed(message, len);
	put(message, bytes, len);
}

void protobuf_message(struct protobuf *message, uint32_t field, struct protobuf *inner)
{
	protobuf_bytes(message, field, inner->bytes.data, inner->bytes.len);
	message->err = message->err ?: inner->err;
	inner->bytes.len = 0;
}
