/* SPDX-License-Identifier: MIT */
#include "model/domain.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(4 * len + 2);

	if (!text)
		return 0;
	domain_text(bytes, len, text);
	for (const char *at = text; *at; at++)
		if (*at <= ' ' || *at > '~')
			abort();
	free(text);
	return 0;
}
