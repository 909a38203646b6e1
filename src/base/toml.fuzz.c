/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *context, const struct toml_item *item)
{
	(void)context;
	return item->line < 1 || item->column < 1 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (toml_read((const char *)data, size, "fuzz", each, NULL) == -1)
		__builtin_trap();
	error_clear();
	return 0;
}
