/* SPDX-License-Identifier: MIT */
/* answer_rows.h - rows that were answered as JSON objects, written for a person or for other programs.
 *
 *     table   time, kind, PID and name in columns, then what else there is, as name=value
 *     json    the objects, one a line
 *     csv     RFC 4180, one header with every key that any row has; an object in a row is several columns
 *             (KEY_count ...), several words are one text, separated by blanks
 *
 * CSV waits in a file without a name until all keys are known.  Foreign text is made harmless in tables alone.
 */
#ifndef SHOW_ANSWER_ROWS_H
#define SHOW_ANSWER_ROWS_H

#include <stdio.h>

#include "base/vec.h"

#define ANSWER_ROWS_KEYS 1024 /* of CSV, at most */

enum answer_format {
	ANSWER_TABLE,
	ANSWER_JSON,
	ANSWER_CSV
};

struct answer_rows {
	FILE *out;
	enum answer_format format;
	FILE *spool;
	vec(char *) keys;
	size_t count;
};

/** answer_rows_add - one object, whose text may be foreign.  Return: 0; -EBADMSG it is none; -errno with fail() said */
nodiscard int answer_rows_add(struct answer_rows *rows, const char *json, size_t len);

/** answer_rows_end - what is still to be written; in any case, once.  Return: 0; -errno with fail() said */
nodiscard int answer_rows_end(struct answer_rows *rows);

#endif
