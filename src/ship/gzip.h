/* SPDX-License-Identifier: MIT */
/* gzip.h - compresses a stream of bytes into a file, without a name or time of its own: equal input
 * gives equal output.
 */
#ifndef SHIP_GZIP_H
#define SHIP_GZIP_H

#include <stdio.h>
#include <zlib.h>

#include "base/own.h"

struct gzip {
	z_stream stream;
	FILE *out;
};

/** gzip_begin - Return: 0; -ENOMEM.  Only after 0 gzip_done() is needed. */
nodiscard int gzip_begin(struct gzip *gzip, FILE *out);

/** gzip_write - compress more; write errors stay in the stream */
void gzip_write(struct gzip *gzip, const void *bytes, size_t len);

/** gzip_finish - write what is left; nothing may follow */
void gzip_finish(struct gzip *gzip);
void gzip_done(struct gzip *gzip);

#endif
