/* SPDX-License-Identifier: MIT */
/* strings.h - each distinct text once, as a small number.
 *
 * Number 0 is the empty text.  Texts live one after the other in one buffer, each closed by NUL,
 * so strings_get() stays valid only until the next strings_add().  Ceiling: STRINGS_MAX_BYTES.
 * Not thread-safe.
 */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include "base/hash.h"
#include "base/vec.h"

#define STRINGS_MAX_BYTES (1u << 30)

struct strings {
	vec(char) text;
	vec(uint32_t) starts; /* by number: offset of the text in `text` */
	struct index index;
};

/**
 * strings_add - the number of a text, entered when new
 * @len: bytes of @text before any NUL are taken, at most this many
 *
 * Return: 0; -ENOMEM; -E2BIG at the ceiling.
 */
nodiscard int strings_add(struct strings *strings, const char *text, size_t len, uint32_t *ret_id);

/** strings_get - a text by number; never NULL */
const char *strings_get(const struct strings *strings, uint32_t id);
void strings_done(struct strings *strings);

#endif
