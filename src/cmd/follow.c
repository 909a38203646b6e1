/* SPDX-License-Identifier: MIT */
#include "cmd/follow.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static const char data[] = "data: ";

/* With its newline.  Return: 0; 1 it closes the last event that is wanted. */
static int put_line(struct follow *follow, const char *line, size_t len)
{
	const size_t skipped = sizeof(data) - 1;
	bool is_data = len > skipped && memcmp(line, data, skipped) == 0;

	if (!follow->data_only)
		fwrite(line, 1, len, follow->out);
	else if (is_data)
		fwrite(line + skipped, 1, len - skipped, follow->out);
	follow->is_event |= is_data;
	if (len > 1 || !follow->is_event)
		return 0;
	follow->is_event = false;
	return ++follow->events == follow->limit;
}

static int keep(struct follow *follow, const char *text, size_t len)
{
	int err =
		follow->line.len + len > FOLLOW_MAX_LINE ? -EFBIG : vec_reserve(&follow->line, len);

	if (err == -EFBIG)
		return fail(err, "a line of what was answered is longer than %u bytes",
			    FOLLOW_MAX_LINE);
	if (!err) {
		memcpy(follow->line.data + follow->line.len, text, len);
		follow->line.len += len;
	}
	return err;
}

int follow_take(void *context, const char *text, size_t len)
{
	struct follow *follow = context;
	const char *end = text + len;
	int err = 0;

	while (!err && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t some = (size_t)((newline ? newline + 1 : end) - text);

		err = keep(follow, text, some);
		if (!err && newline) {
			err = put_line(follow, follow->line.data, follow->line.len);
			follow->line.len = 0;
		}
		text += some;
	}
	if (err >= 0 && fflush(follow->out) != 0)
		return fail(-errno, "cannot write what was answered: %m");
	return err;
}

void follow_done(struct follow *follow)
{
	vec_done(&follow->line);
}
