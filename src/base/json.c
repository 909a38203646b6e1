/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "base/text.h"

static void put_text(FILE *out, const char *text)
{
	uint32_t code;

	putc('"', out);
	for (const char *at = text; (code = text_next(&at)) != 0; text = at) {
		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else if (code == UINT32_MAX)
			fputs("\\ufffd", out);
		else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
			 code == 0x2029)
			fprintf(out, "\\u%04x", code);
		else
			fwrite(text, 1, (size_t)(at - text), out);
	}
	putc('"', out);
}

static void new_line(struct json *json)
{
	if (json->indent)
		fprintf(json->out, "\n%*s", 2 * json->depth, "");
}

/* What stands in front of a value: a comma, a line break, its key. */
static void before_value(struct json *json, const char *key)
{
	if (json->depth > 0) {
		uint8_t level = json->depth - 1;

		assert((json->kind[level] == '{') == (key != NULL));
		if (json->filled[level])
			putc(',', json->out);
		json->filled[level] = true;
		new_line(json);
	}
	if (key) {
		put_text(json->out, key);
		fputs(json->indent ? ": " : ":", json->out);
	}
}

static void open_level(struct json *json, const char *key, char kind)
{
	before_value(json, key);
	assert(json->depth < JSON_MAX_DEPTH);
	json->kind[json->depth] = kind;
	json->filled[json->depth] = false;
	json->depth++;
	putc(kind, json->out);
}

static void close_level(struct json *json, char kind)
{
	assert(json->depth > 0 && json->kind[json->depth - 1] == kind);
	json->depth--;
	if (json->filled[json->depth])
		new_line(json);
	putc(kind == '{' ? '}' : ']', json->out);
}

void json_begin(struct json *json, FILE *out, bool indent)
{
	*json = (struct json){ .out = out, .indent = indent };
}

void json_object(struct json *json, const char *key)
{
	open_level(json, key, '{');
}

void json_object_end(struct json *json)
{
	close_level(json, '{');
}

void json_array(struct json *json, const char *key)
{
	open_level(json, key, '[');
}

void json_array_end(struct json *json)
{
	close_level(json, '[');
}

void json_text(struct json *json, const char *key, const char *text)
{
	before_value(json, key);
	if (text)
		put_text(json->out, text);
	else
		fputs("null", json->out);
}

void json_u64(struct json *json, const char *key, uint64_t number)
{
	before_value(json, key);
	fprintf(json->out, "%" PRIu64, number);
}

void json_i64(struct json *json, const char *key, int64_t number)
{
	before_value(json, key);
	fprintf(json->out, "%" PRId64, number);
}

void json_double(struct json *json, const char *key, double number)
{
	before_value(json, key);
	if (isfinite(number))
		fprintf(json->out, "%.12g", number);
	else
		fputs("null", json->out);
}

void json_bool(struct json *json, const char *key, bool value)
{
	before_value(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	json_text(json, key, NULL);
}

void json_raw(struct json *json, const char *key, const char *text)
{
	before_value(json, key);
	fputs(text, json->out);
}
