/* SPDX-License-Identifier: MIT */
/* cursor.h - reads foreign bytes in sequence and cannot run off their end.
 *
 * A read beyond the end gives 0 and sets `bad`, which stays set; the reader checks it where it
 * would otherwise go on.
 */
#ifndef ELF_CURSOR_H
#define ELF_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static inline uint64_t cursor_left(const struct cursor *cursor)
{
	return (uint64_t)(cursor->end - cursor->at);
}

static inline void cursor_skip(struct cursor *cursor, uint64_t len)
{
	if (len > cursor_left(cursor)) {
		cursor->bad = true;
		len = cursor_left(cursor);
	}
	cursor->at += len;
}

/* A number of `size` (1 to 8) bytes in the host's order. */
static inline uint64_t cursor_number(struct cursor *cursor, unsigned size)
{
	uint64_t value = 0;

	if (size > cursor_left(cursor)) {
		cursor->bad = true;
		cursor->at = cursor->end;
		return 0;
	}
	for (unsigned i = 0; i < size; i++) {
		unsigned place = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : size - 1 - i;

		value |= (uint64_t)cursor->at[i] << 8 * place;
	}
	cursor->at += size;
	return value;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
	if (cursor->at == cursor->end) {
		cursor->bad = true;
		return 0;
	}
	return *cursor->at++;
}

static inline uint16_t cursor_u16(struct cursor *cursor)
{
	return (uint16_t)cursor_number(cursor, 2);
}

/* LEB128; bits above 64 are dropped. */
static inline uint64_t cursor_uleb(struct cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = cursor_u8(cursor);

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
}

static inline int64_t cursor_sleb(struct cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned shift = 0;;) {
		uint8_t byte = cursor_u8(cursor);

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if ((byte & 0x40) && shift < 64)
			value |= UINT64_MAX << shift;
		return (int64_t)value;
	}
}

/* Passes over a text and its NUL. */
static inline void cursor_skip_text(struct cursor *cursor)
{
	const uint8_t *close = memchr(cursor->at, '\0', cursor_left(cursor));

	cursor_skip(cursor, close ? (uint64_t)(close - cursor->at) + 1 : cursor_left(cursor) + 1);
}

#endif
