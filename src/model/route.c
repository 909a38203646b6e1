/* SPDX-License-Identifier: MIT */
#include "model/route.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HEX_MIN       8
#define ID_MIN        16
#define ID_DIGITS_MIN 4
#define UUID_CHARS    36

static const char *const methods[] = { "GET",     "POST",  "PUT",   "HEAD",   "DELETE",
				       "OPTIONS", "PATCH", "TRACE", "CONNECT" };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Return: its length; 0: none. */
static size_t method_length(const char *text, size_t len)
{
	for (size_t i = 0; i < array_len(methods); i++) {
		size_t bytes = strlen(methods[i]);

		if (len > bytes && memcmp(text, methods[i], bytes) == 0 && text[bytes] == ' ')
			return bytes;
	}
	return 0;
}

bool route_parse(const char *text, size_t len, struct route_line *ret_line)
{
	struct route_line line = { .method_bytes = method_length(text, len) };
	size_t end;

	if (!line.method_bytes)
		return false;
	line.target = text + line.method_bytes + 1;
	for (end = line.method_bytes + 1; end < len; end++)
		if ((unsigned char)text[end] <= ' ')
			break;
	line.target_bytes = end - line.method_bytes - 1;
	line.is_cut = end == len;
	if (!line.target_bytes)
		return false;
	*ret_line = line;
	return true;
}

static bool is_uuid(const char *text, size_t len)
{
	if (len != UUID_CHARS)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' : !is_hex(text[i]))
			return false;
	}
	return true;
}

/* What stands for a segment; NULL: itself. */
static const char *pattern_of(const char *text, size_t len)
{
	size_t digits = 0, hex = 0;

	for (size_t i = 0; i < len; i++) {
		digits += is_digit(text[i]);
		hex += is_hex(text[i]);
	}
	if (len && digits == len)
		return "{number}";
	if (is_uuid(text, len))
		return "{uuid}";
	if (len >= HEX_MIN && hex == len && digits)
		return "{hex}";
	if (len >= ID_MIN && digits >= ID_DIGITS_MIN)
		return "{id}";
	return NULL;
}

struct writer {
	char *text;
	size_t len;
};

static void put(struct writer *writer, const char *text, size_t len)
{
	size_t room = ROUTE_BYTES - 1 - writer->len;

	len = len < room ? len : room;
	memcpy(writer->text + writer->len, text, len);
	writer->len += len;
	writer->text[writer->len] = '\0';
}

static void put_segment(struct writer *writer, const char *text, size_t len)
{
	size_t stem = 0;
	const char *pattern;

	while (stem < len && text[stem] != '.')
		stem++;
	pattern = pattern_of(text, stem);
	if (pattern) {
		put(writer, pattern, strlen(pattern));
		put(writer, text + stem, len - stem);
	} else {
		put(writer, text, len);
	}
}

static size_t until(const char *text, size_t len, const char *ends)
{
	size_t at = 0;

	while (at < len && !strchr(ends, text[at]))
		at++;
	return at;
}

/* "http://host/path", as proxies are asked: what is in front of the path. */
static size_t authority_length(const char *text, size_t len)
{
	static const char scheme[] = "http://";
	size_t bytes = sizeof(scheme) - 1;

	if (len < bytes || memcmp(text, scheme, bytes) != 0)
		return 0;
	return bytes + until(text + bytes, len - bytes, "/?#");
}

bool route_fold(const char *text, size_t len, char ret_route[ROUTE_BYTES])
{
	struct writer writer = { .text = ret_route };
	struct route_line line;
	size_t at, path;

	if (!route_parse(text, len, &line))
		return false;
	put(&writer, text, line.method_bytes + 1);
	at = authority_length(line.target, line.target_bytes);
	path = at + until(line.target + at, line.target_bytes - at, "?#");
	while (at < path) {
		size_t segment = until(line.target + at, path - at, "/");

		if (line.is_cut && at + segment == line.target_bytes)
			break; /* of the last one the end is not known */
		put_segment(&writer, line.target + at, segment);
		at += segment;
		if (at < path) {
			put(&writer, "/", 1);
			at++;
		}
	}
	if (at < path)
		put(&writer, "...", 3);
	return true;
}
