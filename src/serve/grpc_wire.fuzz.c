/* SPDX-License-Identifier: MIT */
/* The first byte: how long the pieces are in which the rest comes, and whether it may be packed. */
#include "serve/grpc_wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool see(void *context, const uint8_t *bytes, size_t len)
{
	size_t *total = context;

	if (len > GRPC_MAX_MESSAGE)
		abort();
	for (size_t i = 0; i < len; i++)
		*total += bytes[i];
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct grpc_reader reader = { 0 };
	enum grpc_status status = GRPC_OK;
	size_t step, total = 0;
	uint64_t ns;
	char text[64];

	if (len < 2)
		return 0;
	reader.takes_gzip = bytes[0] & 1;
	step = (size_t)(bytes[0] >> 1) + 1;
	for (size_t at = 1; at < len && status == GRPC_OK; at += step)
		status = grpc_read(&reader, bytes + at, len - at < step ? len - at : step, see,
				   &total);
	grpc_reader_done(&reader);
	if (grpc_timeout((const char *)bytes, len < 12 ? len : 12, &ns) == 0 && ns > UINT64_MAX / 2)
		abort();
	if (bytes[len - 1] == '\0')
		grpc_put_text(text, sizeof(text), (const char *)bytes);
	return 0;
}
