/* SPDX-License-Identifier: MIT */
/* follow.h - writes a stream of server-sent events as it comes.
 *
 * Whole lines alone are written, and at once.  Ceiling: FOLLOW_MAX_LINE for a line, beyond which it is no
 * stream of kymo.
 */
#ifndef CMD_FOLLOW_H
#define CMD_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/vec.h"

#define FOLLOW_MAX_LINE (1u << 20)

struct follow {
	FILE *out;
	bool data_only; /* what stands behind "data: ", one event a line */
	uint64_t limit; /* events; 0: any */
	uint64_t events;
	bool is_event; /* the lines so far belong to one */
	vec(char) line;
};

/** follow_take - some of the stream, cut anywhere.  Return: 0; 1 the limit is reached; -errno with fail() said */
nodiscard int follow_take(void *follow, const char *text, size_t len);
void follow_done(struct follow *follow);

#endif
