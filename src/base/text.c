/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

#define DISTANCE_MAX_LEN 64u

/* Shortest encodings only, no surrogates, at most U+10FFFF (RFC 3629). */
uint32_t text_next(const char **at)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)*at;
	unsigned char first = bytes[0];
	uint32_t code;
	int more;

	if (!first)
		return 0;
	(*at)++;
	if (first < 0x80)
		return first;
	more = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	if (!more || first >= 0xf8)
		return UINT32_MAX;
	code = first & (0x3fu >> more);
	for (int i = 1; i <= more; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return UINT32_MAX;
	*at += more;
	return code;
}

/* Characters that change how their neighbours are shown: bidirectional controls, line and
 * paragraph separators, byte order mark (Unicode Standard Annex #9; "Trojan Source").
 */
static bool reorders(uint32_t code)
{
	return (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0x061c || code == 0xfeff;
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Writes one escaped or plain character and returns its columns. */
static size_t put_code(FILE *out, uint32_t code, const char *from, const char *to)
{
	if (code == UINT32_MAX || is_control(code)) {
		for (const char *byte = from; out && byte < to; byte++)
			fprintf(out, "\\x%02x", (unsigned char)*byte);
		return 4 * (size_t)(to - from);
	}
	if (reorders(code)) {
		if (out)
			fprintf(out, "\\u%04x", code);
		return 6;
	}
	if (out)
		fwrite(from, 1, (size_t)(to - from), out);
	return 1;
}

void text_put_plain(FILE *out, const char *text)
{
	uint32_t code;

	for (const char *at = text; (code = text_next(&at)) != 0; text = at)
		put_code(out, code, text, at);
}

size_t text_columns(const char *text)
{
	size_t columns = 0;
	uint32_t code;

	for (const char *at = text; (code = text_next(&at)) != 0; text = at)
		columns += put_code(NULL, code, text, at);
	return columns;
}

void text_put_folded(FILE *out, const char *text, int blanks)
{
	uint32_t code;

	for (const char *at = text; (code = text_next(&at)) != 0; text = at) {
		if (code == ';' || code == '\\' || (code == ' ' && blanks))
			fprintf(out, "\\x%02x", code);
		else
			put_code(out, code, text, at);
	}
}

void text_put_xml(FILE *out, const char *text)
{
	uint32_t code;

	for (const char *at = text; (code = text_next(&at)) != 0; text = at) {
		switch (code) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		case 0xfffe: /* the two that XML 1.0 has no place for, escaped or not */
		case 0xffff:
			fprintf(out, "\\u%04x", code);
			break;
		default:
			put_code(out, code, text, at);
		}
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance, three rows of the table at a time. */
size_t text_distance(const char *a, const char *b)
{
	size_t rows[3][DISTANCE_MAX_LEN + 1], a_len = strlen(a), b_len = strlen(b);
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;

	if (a_len > DISTANCE_MAX_LEN || b_len > DISTANCE_MAX_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = least(replace, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}
