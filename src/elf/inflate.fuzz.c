/* SPDX-License-Identifier: MIT */
/* The first byte: which compression, and how much may come out of it. */
#include "elf/inflate.h"

#include <string.h>

#define MAX_STEP 4096u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	size_t max, got = 0;
	struct source source;
	uint8_t *copy, *room;
	void *result = NULL;

	if (!len)
		return 0;
	max = ((size_t)bytes[0] >> 1) * MAX_STEP + 1;
	copy = malloc(len);
	room = malloc(max);
	if (!copy || !room)
		abort();
	memcpy(copy, bytes, len);
	source_hold(&source, copy, len);
	if (bytes[0] & 1) {
		if (inflate_xz(&source, 1, len - 1, max, &result, &got) == 0 && got > max)
			abort();
		free(result);
	} else if (inflate_zlib(&source, 1, len - 1, room, max) == 0) {
		got = max;
	}
	free(room);
	source_done(&source);
	return 0;
}
