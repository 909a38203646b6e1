/* SPDX-License-Identifier: MIT */
/* spans.h - address ranges that nest, made flat so that one binary search answers.
 *
 *     given    |---- a ----------------|        flat   |- a -|- b -|-c-|-- a --|
 *                    |-- b ----|
 *                          |-c-|
 *
 * Symbols, compile units and inlined calls are all such ranges.  The one that starts last wins; of
 * several with the same start, the shortest; of equal ones, the one that was entered last.
 * Addresses are 32-bit, relative to the lowest address of the file; 12 bytes a span.
 */
#ifndef ELF_SPANS_H
#define ELF_SPANS_H

#include "base/vec.h"

struct span {
	uint32_t start;
	uint32_t end; /* one past the last */
	uint32_t value;
};

struct spans {
	struct span *data;
	size_t len, cap;
};

/** spans_sort - by start, longer before shorter, else as entered.  Return: 0; -ENOMEM */
nodiscard int spans_sort(struct spans *spans);

/**
 * spans_flatten - make sorted spans disjoint; neighbours of one value become one
 *
 * Afterwards `cap` equals `len`: no spare memory is kept.  Return: 0; -ENOMEM.
 */
nodiscard int spans_flatten(struct spans *spans);

/** spans_find - the flat span that holds an address, NULL if none */
const struct span *spans_find(const struct spans *spans, uint32_t address);

/** spans_trim - give back spare memory */
void spans_trim(struct spans *spans);
void spans_done(struct spans *spans);

#endif
