/* SPDX-License-Identifier: MIT */
#include "base/json_read.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 64 /* characters */

void json_read_begin(struct json_reader *reader, const char *text, size_t len)
{
	*reader = (struct json_reader){ .at = text, .end = text + len };
}

static enum json_token bad(struct json_reader *reader)
{
	reader->is_bad = true;
	return JSON_BAD;
}

static void skip_blanks(struct json_reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
					    *reader->at == '\t' || *reader->at == '\r'))
		reader->at++;
}

/* The text between quotes; false: it does not end. */
static bool read_text(struct json_reader *reader)
{
	const char *at = reader->at + 1;

	reader->text = at;
	for (; at < reader->end && *at != '"'; at++)
		if (*at == '\\' && ++at >= reader->end)
			return false;
	if (at >= reader->end)
		return false;
	reader->len = (size_t)(at - reader->text);
	reader->at = at + 1;
	return true;
}

static bool read_word(struct json_reader *reader, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
		return false;
	reader->at += len;
	return true;
}

static bool read_number(struct json_reader *reader)
{
	char text[NUMBER_MAX + 1], *end;
	size_t len = 0;

	while (reader->at + len < reader->end && len < NUMBER_MAX &&
	       strchr("+-.0123456789eE", reader->at[len]) && reader->at[len])
		len++;
	memcpy(text, reader->at, len);
	text[len] = '\0';
	reader->number = strtod(text, &end);
	reader->at += len;
	return len > 0 && end == text + len;
}

static enum json_token read_begin(struct json_reader *reader, enum json_token token)
{
	if (reader->depth >= JSON_MAX_DEPTH)
		return bad(reader);
	reader->kind[reader->depth++] = *reader->at++;
	reader->wants_value = reader->wants_comma = false;
	return token;
}

static enum json_token read_end(struct json_reader *reader, char begin, enum json_token token)
{
	if (!reader->depth || reader->kind[reader->depth - 1] != begin || reader->wants_value)
		return bad(reader);
	reader->at++;
	reader->depth--;
	reader->wants_comma = true;
	reader->is_over = !reader->depth;
	return token;
}

static enum json_token read_value(struct json_reader *reader)
{
	enum json_token token;
	bool is_read;

	switch (*reader->at) {
	case '{':
		return read_begin(reader, JSON_OBJECT);
	case '[':
		return read_begin(reader, JSON_ARRAY);
	case '"':
		token = JSON_TEXT;
		is_read = read_text(reader);
		break;
	case 't':
		token = JSON_TRUE;
		is_read = read_word(reader, "true");
		break;
	case 'f':
		token = JSON_FALSE;
		is_read = read_word(reader, "false");
		break;
	case 'n':
		token = JSON_NULL;
		is_read = read_word(reader, "null");
		break;
	default:
		token = JSON_NUMBER;
		is_read = read_number(reader);
	}
	if (!is_read)
		return bad(reader);
	reader->wants_value = false;
	reader->wants_comma = true;
	reader->is_over = !reader->depth;
	return token;
}

static enum json_token read_key(struct json_reader *reader)
{
	if (*reader->at != '"' || !read_text(reader))
		return bad(reader);
	skip_blanks(reader);
	if (reader->at >= reader->end || *reader->at != ':')
		return bad(reader);
	reader->at++;
	reader->wants_value = true;
	return JSON_KEY;
}

enum json_token json_read(struct json_reader *reader)
{
	bool in_object = reader->depth && reader->kind[reader->depth - 1] == '{';

	if (reader->is_bad)
		return JSON_BAD;
	skip_blanks(reader);
	if (reader->is_over)
		return reader->at == reader->end ? JSON_END : bad(reader);
	if (reader->at >= reader->end)
		return bad(reader);
	if (*reader->at == '}')
		return read_end(reader, '{', JSON_OBJECT_END);
	if (*reader->at == ']')
		return read_end(reader, '[', JSON_ARRAY_END);
	if (reader->wants_comma && !reader->wants_value) {
		if (*reader->at != ',')
			return bad(reader);
		reader->at++;
		reader->wants_comma = false;
		skip_blanks(reader);
		if (reader->at >= reader->end || *reader->at == '}' || *reader->at == ']')
			return bad(reader);
	}
	return in_object && !reader->wants_value ? read_key(reader) : read_value(reader);
}

bool json_read_is(const struct json_reader *reader, const char *text)
{
	return strlen(text) == reader->len && memcmp(text, reader->text, reader->len) == 0;
}

/* Four digits; UINT32_MAX: they are none. */
static uint32_t read_code(const char *at, const char *end)
{
	uint32_t code = 0;

	if (end - at < 4)
		return UINT32_MAX;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = at[i] ? strchr(digits, at[i] | 0x20) : NULL;

		if (!digit)
			return UINT32_MAX;
		code = code << 4 | (uint32_t)(digit - digits);
	}
	return code;
}

static char *put_character(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* Behind "\\u"; a pair of halves is one character, half a one and a NUL are U+FFFD. */
static char *put_escaped(char *to, const char **at, const char *end)
{
	uint32_t code = read_code(*at, end), low = UINT32_MAX;

	if (code == UINT32_MAX)
		return put_character(to, 0xfffd);
	*at += 4;
	if (code >= 0xd800 && code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' &&
	    (*at)[1] == 'u')
		low = read_code(*at + 2, end);
	if (low >= 0xdc00 && low < 0xe000) {
		*at += 6;
		return put_character(to, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
	}
	return put_character(to, !code || (code >= 0xd800 && code < 0xe000) ? 0xfffd : code);
}

/* No escape is shorter than what it stands for, but "\\u" without digits: two bytes for three. */
char *json_read_text(const struct json_reader *reader)
{
	static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
	const char *at = reader->text, *end = at + reader->len;
	char *text = malloc(reader->len + reader->len / 2 + 2), *to = text;

	while (text && at < end) {
		const char *known;

		if (*at != '\\' || at + 1 == end) {
			*to++ = *at++;
			continue;
		}
		at += 2;
		known = at[-1] ? strchr(from, at[-1]) : NULL;
		if (at[-1] == 'u')
			to = put_escaped(to, &at, end);
		else
			*to++ = known ? into[known - from] : at[-1];
	}
	if (text)
		*to = '\0';
	return text;
}

void json_skip(struct json_reader *reader, enum json_token begin)
{
	unsigned until = reader->depth - 1;

	if (begin != JSON_OBJECT && begin != JSON_ARRAY)
		return;
	while (reader->depth > until && json_read(reader) > JSON_BAD)
		;
}
