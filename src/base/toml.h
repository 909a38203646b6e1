/* SPDX-License-Identifier: MIT */
/* toml.h - reads a file of settings in TOML 1.0, value by value, in the order of the file.
 *
 * Tables, dotted keys, strings of all four kinds, integers, floats, booleans and arrays of them; what a
 * file of settings has no use for is refused with a sentence: dates, inline tables, arrays of tables.
 * Errors name line and column.  Ceilings: TOML_MAX_*.
 */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

#define TOML_MAX_BYTES 65536 /* of a file */
#define TOML_MAX_KEYS  1024
#define TOML_MAX_KEY   128 /* bytes of a key with its tables */
#define TOML_MAX_TEXT  4096

enum toml_kind {
	TOML_TEXT,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOL,
	TOML_EMPTY_ARRAY
};

struct toml_item {
	const char *table; /* "" at the top; "a.b" */
	const char *key;   /* without the table */
	enum toml_kind kind;
	const char *text;
	int64_t integer;
	double decimal;
	bool flag;
	int index;             /* in an array; -1: it is none */
	unsigned line, column; /* of the value, from 1 */
	unsigned key_line, key_column;
};

/**
 * toml_read - call @each for every value
 * @name: of the file, for errors
 *
 * Return: 0; -EINVAL with fail() said; what @each returned.
 */
nodiscard int toml_read(const char *text, size_t len, const char *name,
			int (*each)(void *context, const struct toml_item *item), void *context);

#endif
