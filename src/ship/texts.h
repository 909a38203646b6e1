/* SPDX-License-Identifier: MIT */
/* texts.h - the string table of an output format: each text once, numbered as it is first used.
 *
 * Texts are stored as they may be shown: what text_put_plain() writes, so always valid UTF-8 and
 * without control characters.  Number 0 is the empty text.  Running out of memory is remembered in
 * `err`; check it once, at the end.
 */
#ifndef SHIP_TEXTS_H
#define SHIP_TEXTS_H

#include "model/profile.h"

struct texts {
	const struct profile *profile;
	struct strings strings;
	uint32_t *known; /* by number of the profile's text: number here + 1; 0: not yet */
	FILE *buffer;    /* a memory stream over `text` */
	char *text;
	size_t len;
	int err; /* 0; -ENOMEM; -E2BIG */
};

/** texts_init - Return: 0; -ENOMEM.  Either way texts_done() releases. */
nodiscard int texts_init(struct texts *texts, const struct profile *profile);
void texts_done(struct texts *texts);

/** texts_id - the number of one of the profile's texts; 0 after an error */
uint32_t texts_id(struct texts *texts, uint32_t profile_text);

/** texts_add - the number of any text; 0 after an error */
uint32_t texts_add(struct texts *texts, const char *text);

/** texts_get - a text by number; valid until the next one is added */
static inline const char *texts_get(const struct texts *texts, uint32_t id)
{
	return strings_get(&texts->strings, id);
}

/** texts_count - numbers are below this; at least 1 */
static inline size_t texts_count(const struct texts *texts)
{
	return texts->strings.starts.len ?: 1;
}

#endif
