/* SPDX-License-Identifier: MIT */
/* json_read.h - reads JSON one token after the other, without a tree in memory.
 *
 * The text may come from anybody: every token lies inside it, depth is at most JSON_MAX_DEPTH, and
 * after a mistake each further token is JSON_BAD.  Objects may repeat a key.
 */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

enum json_token {
	JSON_END, /* of the text */
	JSON_BAD, /* it is no JSON, or too deep */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,  /* `text`: as it stands, escapes and all; its value follows */
	JSON_TEXT, /* likewise */
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL
};

struct json_reader {
	const char *at, *end;
	unsigned depth;
	char kind[JSON_MAX_DEPTH]; /* '{' or '[' by depth */
	bool wants_value;          /* a key has been read */
	bool wants_comma;          /* something stands before */
	bool is_over, is_bad;
	/* Of the last token. */
	const char *text;
	size_t len;
	double number;
};

void json_read_begin(struct json_reader *reader, const char *text, size_t len);
enum json_token json_read(struct json_reader *reader);

/** json_read_is - whether the key or text that was read last is this one */
bool json_read_is(const struct json_reader *reader, const char *text);

/** json_read_text - what the key or text that was read last means, without escapes; NULL: no memory.  Free it */
char *json_read_text(const struct json_reader *reader);

/** json_skip - past the value that begins with a token which was read */
void json_skip(struct json_reader *reader, enum json_token begin);

#endif
