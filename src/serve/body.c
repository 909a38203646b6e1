/* SPDX-License-Identifier: MIT */
#include "serve/body.h"

#include <errno.h>
#include <stdint.h>

#include "base/error.h"

int body_read(const struct request *request, const char *example,
	      int (*key)(void *context, struct json_reader *reader), void *context)
{
	struct json_reader reader;
	enum json_token token;
	int err = 0;

	json_read_begin(&reader, request->body ?: "", request->body_len);
	if (json_read(&reader) != JSON_OBJECT)
		return fail(-EINVAL, "the body should be %s", example);
	while (!err && (token = json_read(&reader)) == JSON_KEY)
		err = key(context, &reader);
	if (!err && (token != JSON_OBJECT_END || json_read(&reader) != JSON_END))
		err = fail(-EINVAL, "the body is no JSON object");
	return err;
}

int body_read_number(struct json_reader *reader, const char *name, double min, double max,
		     bool is_whole, double *number)
{
	if (json_read(reader) != JSON_NUMBER || !(reader->number >= min && reader->number <= max) ||
	    (is_whole && reader->number != (double)(uint64_t)reader->number))
		return fail(-EINVAL, "'%s' is a%s number from %.15g to %.15g", name,
			    is_whole ? " whole" : "", min, max);
	*number = reader->number;
	return 0;
}

int body_read_flag(struct json_reader *reader, const char *name, bool *flag)
{
	enum json_token token = json_read(reader);

	if (token != JSON_TRUE && token != JSON_FALSE)
		return fail(-EINVAL, "'%s' is true or false", name);
	*flag = token == JSON_TRUE;
	return 0;
}
