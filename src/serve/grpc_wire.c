/* SPDX-License-Identifier: MIT */
#include "serve/grpc_wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"

#define GZIP_WINDOW    (15 + 16) /* of zlib: with the head of gzip */
#define GZIP_MIN       256       /* shorter messages are not worth it */
#define TIMEOUT_DIGITS 8

static int append(struct grpc_bytes *bytes, const uint8_t *more, size_t len)
{
	int err = vec_reserve(&bytes->data, len);

	if (err)
		return err;
	if (len)
		memcpy(bytes->data.data + bytes->data.len, more, len);
	bytes->data.len += len;
	return 0;
}

static uint32_t length_of(const uint8_t *head)
{
	return (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];
}

/* Return: bytes; negative: enum grpc_status */
static int64_t inflate_message(const uint8_t *in, size_t len, uint8_t *out)
{
	z_stream stream = { .next_in = (uint8_t *)in,
			    .avail_in = (uInt)len,
			    .next_out = out,
			    .avail_out = GRPC_MAX_MESSAGE };
	int outcome;

	if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
		return -GRPC_UNAVAILABLE;
	outcome = inflate(&stream, Z_FINISH);
	inflateEnd(&stream);
	if (outcome == Z_STREAM_END)
		return GRPC_MAX_MESSAGE - (int64_t)stream.avail_out;
	return !stream.avail_out ? -GRPC_RESOURCE_EXHAUSTED : -GRPC_INTERNAL;
}

static enum grpc_status pass(const struct grpc_reader *reader, const uint8_t *head, uint32_t len,
			     bool (*message)(void *context, const uint8_t *bytes, size_t len),
			     void *context, bool *ret_more)
{
	own(freep) uint8_t *plain = NULL;
	int64_t plain_len;

	if (head[0] == 0) {
		*ret_more = message(context, head + GRPC_HEAD_BYTES, len);
		return GRPC_OK;
	}
	if (head[0] != 1)
		return GRPC_INTERNAL;
	if (!reader->takes_gzip)
		return GRPC_UNIMPLEMENTED;
	plain = malloc(GRPC_MAX_MESSAGE);
	plain_len = plain ? inflate_message(head + GRPC_HEAD_BYTES, len, plain) : -GRPC_UNAVAILABLE;
	if (plain_len < 0)
		return (enum grpc_status) - plain_len;
	*ret_more = message(context, plain, (size_t)plain_len);
	return GRPC_OK;
}

enum grpc_status grpc_read(struct grpc_reader *reader, const uint8_t *bytes, size_t len,
			   bool (*message)(void *context, const uint8_t *bytes, size_t len),
			   void *context)
{
	enum grpc_status status = GRPC_OK;
	size_t at = 0;
	bool more = true;

	if (append(&reader->pending, bytes, len))
		return GRPC_UNAVAILABLE;
	while (status == GRPC_OK && more && reader->pending.data.len - at >= GRPC_HEAD_BYTES) {
		const uint8_t *head = reader->pending.data.data + at;
		uint32_t wanted = length_of(head);

		if (wanted > GRPC_MAX_MESSAGE)
			return GRPC_RESOURCE_EXHAUSTED;
		if (reader->pending.data.len - at < GRPC_HEAD_BYTES + wanted)
			break;
		status = pass(reader, head, wanted, message, context, &more);
		at += GRPC_HEAD_BYTES + wanted;
	}
	if (at)
		memmove(reader->pending.data.data, reader->pending.data.data + at,
			reader->pending.data.len - at);
	reader->pending.data.len -= at;
	return status;
}

bool grpc_read_is_whole(const struct grpc_reader *reader)
{
	return reader->pending.data.len == 0;
}

void grpc_reader_done(struct grpc_reader *reader)
{
	vec_done(&reader->pending.data);
}

/* Packed behind what is there.  Return: bytes; 0: it did not become shorter */
static size_t deflate_message(struct grpc_bytes *out, const uint8_t *bytes, size_t len)
{
	z_stream stream = { .next_in = (uint8_t *)bytes, .avail_in = (uInt)len };
	size_t packed = 0;

	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return 0;
	stream.next_out = out->data.data + out->data.len;
	stream.avail_out = (uInt)len;
	if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
		packed = len - stream.avail_out;
	deflateEnd(&stream);
	return packed;
}

int grpc_write(struct grpc_bytes *out, const uint8_t *bytes, size_t len, bool gzip)
{
	size_t packed = 0, head = out->data.len;
	int err = len > UINT32_MAX ? -E2BIG : vec_reserve(&out->data, GRPC_HEAD_BYTES + len);

	if (err)
		return err;
	out->data.len += GRPC_HEAD_BYTES;
	if (gzip && len >= GZIP_MIN)
		packed = deflate_message(out, bytes, len);
	if (packed)
		len = packed;
	else if (len)
		memcpy(out->data.data + out->data.len, bytes, len);
	out->data.len += len;
	out->data.data[head] = packed != 0;
	for (int i = 0; i < 4; i++)
		out->data.data[head + 1 + (size_t)i] = (uint8_t)(len >> (24 - 8 * i));
	return 0;
}

int grpc_timeout(const char *text, size_t len, uint64_t *ret_ns)
{
	static const struct {
		char letter;
		uint64_t ns;
	} units[] = { { 'H', 3600 * NS_PER_S }, { 'M', 60 * NS_PER_S }, { 'S', NS_PER_S },
		      { 'm', NS_PER_MS },       { 'u', NS_PER_US },     { 'n', 1 } };
	uint64_t number = 0;

	if (len < 2 || len > TIMEOUT_DIGITS + 1)
		return -EINVAL;
	for (size_t i = 0; i < len - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	for (size_t i = 0; i < array_len(units); i++)
		if (units[i].letter == text[len - 1]) {
			/* 10^8 hours are more than there are nanoseconds; nobody waits a century. */
			*ret_ns = number > UINT64_MAX / 4 / units[i].ns ? UINT64_MAX / 4
									: number * units[i].ns;
			return 0;
		}
	return -EINVAL;
}

void grpc_put_text(char *out, size_t size, const char *text)
{
	size_t len = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_plain = c >= 0x20 && c <= 0x7e && c != '%';

		if (len + (is_plain ? 1 : 3) >= size)
			break;
		len += (size_t)snprintf(out + len, size - len, is_plain ? "%c" : "%%%02X", c);
	}
	out[len] = '\0';
}
