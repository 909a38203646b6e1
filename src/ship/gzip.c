/* SPDX-License-Identifier: MIT */
#include "ship/gzip.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#define WINDOW_BITS  (15 + 16) /* zlib.h: 16 more asks for a gzip header */
#define MEMORY_LEVEL 8
#define STEP_BYTES   16384

int gzip_begin(struct gzip *gzip, FILE *out)
{
	*gzip = (struct gzip){ .out = out };
	return deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
			    MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK
		       ? 0
		       : -ENOMEM;
}

/* deflate() fails only on a stream that it was not given by deflateInit2(). */
static void compress_step(struct gzip *gzip, int flush)
{
	unsigned char buffer[STEP_BYTES];
	int status;

	do {
		gzip->stream.next_out = buffer;
		gzip->stream.avail_out = sizeof(buffer);
		status = deflate(&gzip->stream, flush);
		assert(status != Z_STREAM_ERROR);
		fwrite(buffer, 1, sizeof(buffer) - gzip->stream.avail_out, gzip->out);
	} while (gzip->stream.avail_out == 0);
}

void gzip_write(struct gzip *gzip, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	while (len > 0) {
		uInt step = len < UINT_MAX ? (uInt)len : UINT_MAX;

		gzip->stream.next_in = (unsigned char *)at;
		gzip->stream.avail_in = step;
		compress_step(gzip, Z_NO_FLUSH);
		at += step;
		len -= step;
	}
}

void gzip_finish(struct gzip *gzip)
{
	gzip->stream.avail_in = 0;
	compress_step(gzip, Z_FINISH);
}

void gzip_done(struct gzip *gzip)
{
	deflateEnd(&gzip->stream);
}
