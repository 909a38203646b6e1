/* SPDX-License-Identifier: MIT */
#include "resolve/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct mappings mappings = { 0 };
	struct strings paths = { 0 };
	uint64_t last = 0;
	uint32_t bad, count = 0;

	if (mappings_parse(&mappings, (const char *)bytes, len, len % 2, &paths, &bad) == 0) {
		const struct mapping *at = mappings_next(&mappings, 0);

		for (; at; at = mappings_next(&mappings, at->end)) {
			if (at->start < last || at->end <= at->start ||
			    mappings_find(&mappings, at->start) != at)
				abort();
			last = at->end;
			count++;
		}
		if (count != mappings.len)
			abort();
	}
	mappings_clear(&mappings);
	strings_done(&paths);
	return 0;
}
