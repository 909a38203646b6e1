/* SPDX-License-Identifier: MIT */
/* promql_parse.fuzz.c - an expression, a selector and a span of time as a client writes them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/promql.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct promql_node *node = NULL, *selector = NULL;
	char *text = malloc(len + 1); /* no strndup(): it may look at the byte behind them */
	uint64_t ms;

	if (!text)
		return 0;
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (promql_parse(text, &node) == 0)
		promql_free(node);
	if (promql_parse_selector(text, &selector) == 0)
		promql_free(selector);
	if (promql_parse_duration(text, &ms) == 0 && ms > 100ull * 31536000000)
		__builtin_trap();
	free(text);
	return 0;
}
