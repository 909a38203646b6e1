/* SPDX-License-Identifier: MIT */
/* body.h - the JSON object that a request brings, key by key. */
#ifndef SERVE_BODY_H
#define SERVE_BODY_H

#include "base/json_read.h"
#include "serve/message.h"

/**
 * body_read - @key: called behind each key, to read its value; what it returns below 0 ends it
 * @example: of such a body, for who sent something else
 *
 * Return: 0; -EINVAL with fail() said; what @key returned.
 */
nodiscard int body_read(const struct request *request, const char *example,
			int (*key)(void *context, struct json_reader *reader), void *context);

/** body_read_number - the value of a key.  Return: 0; -EINVAL with fail() said */
nodiscard int body_read_number(struct json_reader *reader, const char *name, double min, double max,
			       bool is_whole, double *number);

/** body_read_flag - likewise true or false */
nodiscard int body_read_flag(struct json_reader *reader, const char *name, bool *flag);

#endif
