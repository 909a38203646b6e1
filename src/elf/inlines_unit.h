/* SPDX-License-Identifier: MIT */
/* inlines_unit.h - the index of one compile unit; for inlines.c only. */
#ifndef ELF_INLINES_UNIT_H
#define ELF_INLINES_UNIT_H

#include "elf/inlines.h"
#include "elf/lines.h"

struct inline_node {        /* a function, or a call that was inlined */
	uint32_t name;      /* text */
	uint32_t parent;    /* node; INLINES_NO_NODE: a function */
	uint32_t call_file; /* where the parent calls it */
	uint32_t call_line;
};

struct inlines_unit {
	struct spans spans; /* value: node */
	vec(struct inline_node) nodes;
	struct lines lines;
	bool cut; /* deeper nesting than we follow was left out */
};

/**
 * inlines_unit_read - build the index of one unit
 * @unit: number in debuginfo->units
 * @index: all zero before; on failure to be released too
 *
 * Return: 0; -EBADMSG; -ETIME, -E2BIG above a limit; -ENOMEM; -errno of pread().
 */
nodiscard int inlines_unit_read(struct debuginfo *debuginfo, const struct image *code,
				uint32_t unit, struct inlines_unit *index);
void inlines_unit_done(struct inlines_unit *index);
size_t inlines_unit_bytes(const struct inlines_unit *index);

#endif
