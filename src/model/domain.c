/* SPDX-License-Identifier: MIT */
#include "model/domain.h"

#include <stdio.h>

#define LABEL_MAX 63

static size_t put_byte(uint8_t byte, char *text)
{
	if (byte > ' ' && byte < 0x7f && byte != '.' && byte != '\\') {
		*text = (char)byte;
		return 1;
	}
	if (byte == '.' || byte == '\\')
		return (size_t)sprintf(text, "\\%c", byte);
	return (size_t)sprintf(text, "\\%03u", byte);
}

void domain_text(const uint8_t *bytes, size_t len, char *text)
{
	size_t at = 0, used = 0;

	while (at < len && bytes[at] && bytes[at] <= LABEL_MAX) {
		size_t end = at + 1 + bytes[at];

		if (at)
			text[used++] = '.';
		for (at++; at < end && at < len; at++)
			used += put_byte(bytes[at], text + used);
	}
	if (!used && len && !bytes[0])
		text[used++] = '.';
	text[used] = '\0';
}
