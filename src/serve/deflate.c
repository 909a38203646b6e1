/* SPDX-License-Identifier: MIT */
#include "serve/deflate.h"

#include "ship/gzip.h"

void deflate_response(struct response *response)
{
	char *packed = NULL;
	size_t len = 0;
	struct gzip gzip;
	FILE *out;

	if (response->len < DEFLATE_MIN_BYTES)
		return;
	out = open_memstream(&packed, &len);
	if (!out)
		return;
	if (gzip_begin(&gzip, out)) {
		fclose(out);
		free(packed);
		return;
	}
	gzip_write(&gzip, response->body, response->len);
	gzip_finish(&gzip);
	gzip_done(&gzip);
	if (fclose(out) != 0) {
		free(packed);
		return;
	}
	free(response->body);
	response->body = packed;
	response->len = len;
	response->is_gzip = true;
}
