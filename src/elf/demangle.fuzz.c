/* SPDX-License-Identifier: MIT */
#include "elf/demangle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *symbol = malloc(len + 1), text[200];

	if (!symbol)
		return 0;
	if (len)
		memcpy(symbol, bytes, len);
	symbol[len] = '\0';
	if (demangle(symbol, text, sizeof(text)) && strnlen(text, sizeof(text)) == sizeof(text))
		abort();
	free(symbol);
	return 0;
}
