/* SPDX-License-Identifier: MIT */
/* slots.h - reads a table that is mapped: probe/slots.wire.h says what is in it. */
#ifndef COLLECT_SLOTS_H
#define COLLECT_SLOTS_H

#include "collect/object.h"

/* What the words of a value are, 8 bytes each. */
enum word_kind {
	WORD_SUM,
	WORD_MAX,
	WORD_TEXT, /* part of a text; the last one that was not empty stands */
};

struct slots;

/**
 * slots_new - map a table
 * @kinds: enum word_kind of each word of a value; borrowed
 *
 * Return: 0; -ENOMEM; -errno with fail() said.
 */
nodiscard int slots_new(const struct object_table *object, int map, uint32_t count,
			const uint8_t *kinds, struct slots **ret_slots);

/**
 * slots_read - take what is there
 * @at_mono_ns: the instant that the rows get
 * @each: is handed each row to which something was added
 *
 * Rows are freed when nothing was added to them for as long as in other tables, or once when their
 * process has ended.  Return: 0; what @each returned.
 */
nodiscard int slots_read(struct slots *slots, uint64_t at_mono_ns,
			 int (*each)(void *context, const uint8_t *row), void *context);
void slots_free(struct slots *slots);

#endif
