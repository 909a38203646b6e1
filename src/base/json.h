/* SPDX-License-Identifier: MIT */
/* json.h - writes JSON to a stream as it goes, without a tree in memory.
 *
 * The caller opens and closes what it nests; commas, escaping and (with `indent`) line breaks are
 * the writer's.  Text that is not UTF-8 is written as \ufffd per bad byte.  A depth above
 * JSON_MAX_DEPTH or a key outside an object is our own mistake and asserts.  Write errors stay in
 * the stream: check ferror() once, at the end.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH 32

struct json {
	FILE *out;
	bool indent; /* two blanks a level, one value a line; else all on one line */
	uint8_t depth;
	char kind[JSON_MAX_DEPTH];   /* '{' or '[' by depth */
	bool filled[JSON_MAX_DEPTH]; /* something stands before, by depth */
};

void json_begin(struct json *json, FILE *out, bool indent);
void json_object(struct json *json, const char *key); /* @key: NULL outside an object */
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_text(struct json *json, const char *key, const char *text); /* NULL writes null */
void json_u64(struct json *json, const char *key, uint64_t number);
void json_i64(struct json *json, const char *key, int64_t number);
void json_double(struct json *json, const char *key, double number); /* not finite: null */
void json_bool(struct json *json, const char *key, bool value);
void json_raw(struct json *json, const char *key,
	      const char *text); /* a whole value, JSON already */
void json_null(struct json *json, const char *key);

#endif
