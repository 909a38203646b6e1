/* SPDX-License-Identifier: MIT */
/* page.c - the page that web/ is bundled to: three packed files inside the program.
 *
 * The names of script and style carry a hash of both, so a browser may keep them for good; the page itself
 * is asked for each time.  A program that was built without npm has none of them, and answers the plain page.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"

#include "serve/answers.h"
#include "serve/page.inc"

#if PAGE_IS_HERE
#define UNPACKED_MAX_BYTES (4u << 20)

/* For a client that takes no gzip. */
static int unpack(const unsigned char *packed, size_t len, struct response *response)
{
	z_stream stream = { .next_in = (unsigned char *)packed, .avail_in = (unsigned)len };
	uint32_t size = packed[len - 4] | packed[len - 3] << 8 | packed[len - 2] << 16 |
			(uint32_t)packed[len - 1] << 24;
	int end;

	if (size > UNPACKED_MAX_BYTES || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	response->body = malloc(size + 1);
	stream.next_out = (unsigned char *)response->body;
	stream.avail_out = size;
	end = response->body ? inflate(&stream, Z_FINISH) : Z_MEM_ERROR;
	inflateEnd(&stream);
	response->len = size;
	return end == Z_STREAM_END ? 0 : -ENOMEM;
}

static int answer_packed(const struct request *request, struct response *response, const char *type,
			 const unsigned char *packed, size_t len)
{
	const char *hash = request_parameter(request, "v");

	response->status = 200;
	response->type = type;
	response->is_lasting = hash && strcmp(hash, PAGE_HASH) == 0;
	if (!request->takes_gzip)
		return unpack(packed, len, response);
	response->body = malloc(len);
	if (!response->body)
		return -ENOMEM;
	memcpy(response->body, packed, len);
	response->len = len;
	response->is_gzip = true;
	return 0;
}

int answer_page(struct api *api, const struct request *request, struct response *response)
{
	(void)api;
	return answer_packed(request, response, "text/html; charset=utf-8", packed_index_html,
			     sizeof(packed_index_html));
}

int answer_page_script(struct api *api, const struct request *request, struct response *response)
{
	(void)api;
	return answer_packed(request, response, "text/javascript; charset=utf-8", packed_page_js,
			     sizeof(packed_page_js));
}

int answer_page_style(struct api *api, const struct request *request, struct response *response)
{
	(void)api;
	return answer_packed(request, response, "text/css; charset=utf-8", packed_page_css,
			     sizeof(packed_page_css));
}
#else
int answer_page(struct api *api, const struct request *request, struct response *response)
{
	return answer_home(api, request, response);
}

int answer_page_script(struct api *api, const struct request *request, struct response *response)
{
	(void)api;
	(void)request;
	response_problem(response, 404, "build it where npm is installed",
			 "this program was built without its page");
	return 0;
}

int answer_page_style(struct api *api, const struct request *request, struct response *response)
{
	return answer_page_script(api, request, response);
}
#endif
