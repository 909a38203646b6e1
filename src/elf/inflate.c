/* SPDX-License-Identifier: MIT */
#include "elf/inflate.h"

#include <errno.h>
#include <lzma.h>
#include <zlib.h>

#define STEP_BYTES  16384u
#define FIRST_BYTES 65536u

int inflate_zlib(const struct source *source, uint64_t offset, uint64_t len, void *buffer,
		 uint64_t size)
{
	uint8_t step[STEP_BYTES];
	z_stream stream = { .next_out = buffer, .avail_out = (uInt)size };
	int err = 0, state = Z_OK;

	if (size > UINT32_MAX)
		return -EBADMSG;
	if (inflateInit(&stream) != Z_OK)
		return -ENOMEM;
	while (!err && state == Z_OK && len) {
		stream.avail_in = (uInt)(len < sizeof(step) ? len : sizeof(step));
		stream.next_in = step;
		err = source_read(source, step, stream.avail_in, offset);
		offset += stream.avail_in;
		len -= stream.avail_in;
		if (!err)
			state = inflate(&stream, Z_NO_FLUSH);
	}
	if (!err && (state != Z_STREAM_END || stream.avail_out))
		err = state == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	inflateEnd(&stream);
	return err;
}

static int lzma_error(lzma_ret state)
{
	return state == LZMA_MEM_ERROR ? -ENOMEM : state == LZMA_MEMLIMIT_ERROR ? -E2BIG : -EBADMSG;
}

/* Makes room for more output.  0; -E2BIG; -ENOMEM. */
static int grow(lzma_stream *stream, uint8_t **bytes, size_t *cap, size_t max)
{
	size_t wanted = *cap ? *cap * 2 : FIRST_BYTES, used = *cap;
	uint8_t *bigger;

	if (*cap >= max)
		return -E2BIG;
	if (wanted > max)
		wanted = max;
	bigger = realloc(*bytes, wanted);
	if (!bigger)
		return -ENOMEM;
	*bytes = bigger;
	*cap = wanted;
	stream->next_out = bigger + used;
	stream->avail_out = wanted - used;
	return 0;
}

int inflate_xz(const struct source *source, uint64_t offset, uint64_t len, size_t max,
	       void **ret_bytes, size_t *ret_len)
{
	own(freep) uint8_t *bytes = NULL;
	uint8_t step[STEP_BYTES];
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret state = lzma_stream_decoder(&stream, INFLATE_XZ_MEMORY, 0);
	size_t cap = 0;
	int err = state == LZMA_OK ? 0 : lzma_error(state);

	while (!err && state == LZMA_OK) {
		if (!stream.avail_in && len) {
			stream.avail_in = len < sizeof(step) ? (size_t)len : sizeof(step);
			stream.next_in = step;
			err = source_read(source, step, stream.avail_in, offset);
			offset += stream.avail_in;
			len -= stream.avail_in;
		}
		if (!err && !stream.avail_out)
			err = grow(&stream, &bytes, &cap, max);
		if (!err)
			state = lzma_code(&stream, len ? LZMA_RUN : LZMA_FINISH);
	}
	if (!err && state != LZMA_STREAM_END)
		err = lzma_error(state);
	lzma_end(&stream);
	if (!err) {
		*ret_len = (size_t)stream.total_out;
		*ret_bytes = take(bytes);
	}
	return err;
}
