/* SPDX-License-Identifier: MIT */
#include "base/toml.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/vec.h"

struct toml {
	const char *at, *end, *line_start, *name;
	unsigned line;
	char table[TOML_MAX_KEY];
	char key[TOML_MAX_KEY];
	char text[TOML_MAX_TEXT];
	vec(char *) seen; /* whole keys, and "[tables]" */
	int (*each)(void *context, const struct toml_item *item);
	void *context;
};

static unsigned column(const struct toml *toml)
{
	return (unsigned)(toml->at - toml->line_start) + 1;
}

static int bad(const struct toml *toml, const char *what)
{
	return fail(-EINVAL, "%s:%u:%u: %s", toml->name, toml->line, column(toml), what);
}

static char peek(const struct toml *toml)
{
	return toml->at < toml->end ? *toml->at : '\0';
}

static bool has(const struct toml *toml, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(toml->end - toml->at) >= len && memcmp(toml->at, text, len) == 0;
}

static void next_line(struct toml *toml)
{
	toml->at++;
	toml->line++;
	toml->line_start = toml->at;
}

static void skip_blanks(struct toml *toml)
{
	while (peek(toml) == ' ' || peek(toml) == '\t')
		toml->at++;
}

static int skip_comment(struct toml *toml)
{
	if (peek(toml) != '#')
		return 0;
	for (; toml->at < toml->end && *toml->at != '\n'; toml->at++)
		if ((unsigned char)*toml->at < 0x20 && *toml->at != '\t' &&
		    !(*toml->at == '\r' && toml->at + 1 < toml->end && toml->at[1] == '\n'))
			return bad(toml, "a control character in a comment");
	return 0;
}

/* Nothing but blanks and a comment may follow on the line. */
static int end_line(struct toml *toml)
{
	int err;

	skip_blanks(toml);
	err = skip_comment(toml);
	if (err)
		return err;
	if (has(toml, "\r\n"))
		toml->at++;
	if (toml->at == toml->end)
		return 0;
	if (*toml->at != '\n')
		return bad(toml, "something stands behind the value");
	next_line(toml);
	return 0;
}

static int skip_empty(struct toml *toml)
{
	int err = 0;

	while (!err && toml->at < toml->end) {
		skip_blanks(toml);
		err = skip_comment(toml);
		if (err || toml->at == toml->end)
			break;
		if (has(toml, "\r\n"))
			toml->at++;
		if (peek(toml) != '\n')
			break;
		next_line(toml);
	}
	return err;
}

static int append(struct toml *toml, char *text, size_t size, size_t *len, const char *bytes,
		  size_t count)
{
	if (*len + count >= size)
		return bad(toml, "this is too long");
	memcpy(text + *len, bytes, count);
	*len += count;
	text[*len] = '\0';
	return 0;
}

static int append_code(struct toml *toml, char *text, size_t size, size_t *len, uint32_t code)
{
	char bytes[4];
	size_t count;

	if (!code || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return bad(toml, "no such character");
	if (code < 0x80) {
		bytes[0] = (char)code;
		count = 1;
	} else if (code < 0x800) {
		bytes[0] = (char)(0xc0 | code >> 6);
		count = 2;
	} else if (code < 0x10000) {
		bytes[0] = (char)(0xe0 | code >> 12);
		count = 3;
	} else {
		bytes[0] = (char)(0xf0 | code >> 18);
		count = 4;
	}
	for (size_t i = 1; i < count; i++)
		bytes[i] = (char)(0x80 | (code >> 6 * (count - 1 - i) & 0x3f));
	return append(toml, text, size, len, bytes, count);
}

/* What stands behind a backslash. */
static int read_escape(struct toml *toml, char *text, size_t size, size_t *len)
{
	static const char letters[] = "btnfre\"\\", meanings[] = "\b\t\n\f\r\033\"\\";
	char letter = peek(toml);
	const char *found = letter ? strchr(letters, letter) : NULL;
	int digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
	uint32_t code = 0;

	if (found) {
		toml->at++;
		return append(toml, text, size, len, &meanings[found - letters], 1);
	}
	if (!digits)
		return bad(toml, "no such escape");
	toml->at++;
	for (; digits; digits--, toml->at++) {
		char digit = peek(toml);

		if (!isxdigit((unsigned char)digit))
			return bad(toml, "a hexadecimal digit is missing");
		code = code << 4 |
		       (uint32_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
	}
	return append_code(toml, text, size, len, code);
}

/* A line break behind a backslash, and the blanks that follow. */
static bool skip_folded(struct toml *toml)
{
	const char *at = toml->at;

	while (at < toml->end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	if (at == toml->end || *at != '\n')
		return false;
	while (peek(toml) && strchr(" \t\r\n", *toml->at))
		if (*toml->at == '\n')
			next_line(toml);
		else
			toml->at++;
	return true;
}

static int read_string(struct toml *toml, char *text, size_t size, bool may_span)
{
	char quote = *toml->at;
	const char three[] = { quote, quote, quote, '\0' };
	bool spans = has(toml, three);
	size_t len = 0;
	int err = 0;

	if (spans && !may_span)
		return bad(toml, "a key on several lines");
	toml->at += spans ? 3 : 1;
	text[0] = '\0';
	if (spans && has(toml, "\r\n"))
		toml->at++;
	if (spans && peek(toml) == '\n')
		next_line(toml);
	while (!err) {
		if (toml->at == toml->end)
			return bad(toml, "the string does not end");
		if (spans ? has(toml, three) : *toml->at == quote)
			break;
		if (*toml->at == '\n' && spans) {
			err = append(toml, text, size, &len, "\n", 1);
			next_line(toml);
		} else if (*toml->at == '\\' && quote == '"') {
			toml->at++;
			if (!spans || !skip_folded(toml))
				err = read_escape(toml, text, size, &len);
		} else if ((unsigned char)*toml->at < 0x20 && *toml->at != '\t' &&
			   !(spans && has(toml, "\r\n"))) {
			return bad(toml, "a control character in a string");
		} else {
			err = append(toml, text, size, &len, toml->at, 1);
			toml->at++;
		}
	}
	if (err)
		return err;
	toml->at += spans ? 3 : 1;
	/* One or two quotes may stand before the closing three. */
	for (int i = 0; spans && !err && i < 2 && peek(toml) == quote; i++, toml->at++)
		err = append(toml, text, size, &len, &quote, 1);
	return err;
}

/* One part of a key: bare, or in quotes. */
static int read_part(struct toml *toml, char *text, size_t size)
{
	size_t len = 0;
	int err = 0;

	if (peek(toml) == '"' || peek(toml) == '\'') {
		err = read_string(toml, text, size, false);
		if (!err && strchr(text, '.'))
			err = bad(toml, "a dot in a key");
		return err;
	}
	text[0] = '\0';
	while (!err &&
	       (isalnum((unsigned char)peek(toml)) || peek(toml) == '_' || peek(toml) == '-')) {
		err = append(toml, text, size, &len, toml->at, 1);
		toml->at++;
	}
	return err ?: len ? 0 : bad(toml, "a key should stand here");
}

/* Parts with dots between, joined. */
static int read_key(struct toml *toml, char *key)
{
	char part[TOML_MAX_KEY];
	size_t len = 0;
	int err = 0;

	key[0] = '\0';
	do {
		if (len) {
			toml->at++;
			err = append(toml, key, TOML_MAX_KEY, &len, ".", 1);
		}
		skip_blanks(toml);
		err = err ?: read_part(toml, part, sizeof(part));
		err = err ?: append(toml, key, TOML_MAX_KEY, &len, part, strlen(part));
		skip_blanks(toml);
	} while (!err && peek(toml) == '.');
	return err;
}

static int remember(struct toml *toml, const char *first, const char *second, const char *what)
{
	own(freep) char *whole = NULL;
	int err;

	if (asprintf(&whole, "%s.%s", first, second) < 0)
		return -ENOMEM;
	vec_each(seen, &toml->seen)
		if (strcmp(*seen, whole) == 0)
			return bad(toml, what);
	if (toml->seen.len >= TOML_MAX_KEYS)
		return bad(toml, "too many keys");
	err = vec_push(&toml->seen, whole);
	if (!err)
		(void)take(whole);
	return err;
}

static int read_table(struct toml *toml)
{
	int err;

	toml->at++;
	if (peek(toml) == '[')
		return bad(toml, "arrays of tables are not used here");
	err = read_key(toml, toml->table);
	if (err)
		return err;
	if (peek(toml) != ']')
		return bad(toml, "a ']' should stand here");
	err = remember(toml, "[]", toml->table, "this table was there before");
	toml->at++;
	return err ?: end_line(toml);
}

/* Underscores only between digits. */
static int read_number(struct toml *toml, struct toml_item *item)
{
	char digits[64], *end;
	size_t len = 0;
	const char *at = toml->at;
	int base = 10;

	for (; at < toml->end && (isalnum((unsigned char)*at) || (*at && strchr("+-._:", *at)));
	     at++) {
		if (*at == '_' &&
		    (at == toml->at || at + 1 == toml->end || !isxdigit((unsigned char)at[-1]) ||
		     !isxdigit((unsigned char)at[1])))
			return bad(toml, "a '_' may only stand between digits");
		if (*at != '_' && len < sizeof(digits) - 1)
			digits[len++] = *at;
	}
	digits[len] = '\0';
	if (!len || len == sizeof(digits) - 1)
		return bad(toml, "a value should stand here");
	if (digits[0] == '0' && len > 2 && strchr("xob", digits[1]))
		base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : 2;
	errno = 0;
	item->kind = TOML_INTEGER;
	item->integer = strtoll(base == 10 ? digits : digits + 2, &end, base);
	if (!*end && errno == ERANGE)
		return bad(toml, "this number is too large");
	if (*end && base == 10) {
		item->kind = TOML_FLOAT;
		item->decimal = strtod(digits, &end);
		if (end == digits || end[-1] == '.' || strpbrk(digits, "xX") ||
		    strstr(digits, "infinity"))
			end = digits;
	}
	if (*end || end == digits)
		return bad(toml,
			   strpbrk(digits, ":") ? "dates are not used here" : "this is no value");
	if (base == 10 && digits[strspn(digits, "+-")] == '0' &&
	    isdigit((unsigned char)digits[strspn(digits, "+-") + 1]))
		return bad(toml, "a number does not begin with 0");
	toml->at = at;
	return 0;
}

static bool is_word(struct toml *toml, const char *word)
{
	size_t len = strlen(word);

	if (!has(toml, word) ||
	    (toml->at + len < toml->end && isalnum((unsigned char)toml->at[len])))
		return false;
	toml->at += len;
	return true;
}

static int read_scalar(struct toml *toml, struct toml_item *item)
{
	int err = 0;

	item->line = toml->line;
	item->column = column(toml);
	if (peek(toml) == '"' || peek(toml) == '\'') {
		item->kind = TOML_TEXT;
		err = read_string(toml, toml->text, sizeof(toml->text), true);
		item->text = toml->text;
	} else if (is_word(toml, "true")) {
		item->kind = TOML_BOOL;
		item->flag = true;
	} else if (is_word(toml, "false")) {
		item->kind = TOML_BOOL;
		item->flag = false;
	} else if (peek(toml) == '{') {
		err = bad(toml, "inline tables are not used here");
	} else if (peek(toml) == '[') {
		err = bad(toml, "arrays of arrays are not used here");
	} else {
		err = read_number(toml, item);
	}
	return err ?: toml->each(toml->context, item);
}

static int read_array(struct toml *toml, struct toml_item *item)
{
	int err;

	toml->at++;
	item->index = 0;
	err = skip_empty(toml);
	if (!err && peek(toml) == ']') {
		item->kind = TOML_EMPTY_ARRAY;
		item->line = toml->line;
		item->column = column(toml);
		err = toml->each(toml->context, item);
	}
	while (!err && peek(toml) != ']') {
		err = read_scalar(toml, item);
		item->index++;
		err = err ?: skip_empty(toml);
		if (!err && peek(toml) == ',') {
			toml->at++;
			err = skip_empty(toml);
		} else if (!err && peek(toml) != ']') {
			err = bad(toml, "a ',' or ']' should stand here");
		}
	}
	toml->at += !err;
	return err;
}

static int read_pair(struct toml *toml)
{
	struct toml_item item = { .table = toml->table, .index = -1 };
	char table[TOML_MAX_KEY];
	char *dot;
	int err;

	item.key_line = toml->line;
	item.key_column = column(toml);
	err = read_key(toml, toml->key);
	if (!err && peek(toml) != '=')
		err = bad(toml, "a '=' should stand here");
	err = err ?: remember(toml, toml->table, toml->key, "this key was there before");
	if (err)
		return err;
	toml->at++;
	item.key = toml->key;
	dot = strrchr(toml->key, '.');
	if (dot) {
		item.key = dot + 1;
		if (snprintf(table, sizeof(table), "%s%s%.*s", toml->table, *toml->table ? "." : "",
			     (int)(dot - toml->key), toml->key) >= (int)sizeof(table))
			return bad(toml, "this is too long");
		item.table = table;
	}
	skip_blanks(toml);
	err = peek(toml) == '[' ? read_array(toml, &item) : read_scalar(toml, &item);
	return err ?: end_line(toml);
}

int toml_read(const char *text, size_t len, const char *name,
	      int (*each)(void *context, const struct toml_item *item), void *context)
{
	struct toml toml = {
		.at = text,
		.end = text + len,
		.line_start = text,
		.line = 1,
		.name = name,
		.each = each,
		.context = context,
	};
	int err = 0;

	if (len > TOML_MAX_BYTES)
		return fail(-EINVAL, "%s: a file of settings has at most %d bytes", name,
			    TOML_MAX_BYTES);
	if (has(&toml, "\xef\xbb\xbf"))
		toml.at += 3;
	while (!err) {
		err = skip_empty(&toml);
		if (err || toml.at == toml.end)
			break;
		err = peek(&toml) == '[' ? read_table(&toml) : read_pair(&toml);
	}
	vec_each(seen, &toml.seen)
		free(*seen);
	vec_done(&toml.seen);
	return err;
}
