/* SPDX-License-Identifier: MIT */
/* lines_header.h - the head of a line program: its tables and constants; for lines.c only. */
#ifndef ELF_LINES_HEADER_H
#define ELF_LINES_HEADER_H

#include "elf/cursor.h"
#include "elf/lines.h"

struct line_header {
	uint16_t version;
	uint8_t offset_bytes, address_bytes;
	uint8_t instruction_bytes; /* the smallest instruction */
	uint8_t operations;        /* per instruction word; 1 but for VLIW, which we do not read */
	int8_t line_base;
	uint8_t line_range;
	uint8_t opcode_base;
	uint8_t operands[256]; /* of the standard opcodes */
};

/**
 * lines_header_read - read the head and fill lines->files
 * @cursor: at the program's length; afterwards at its first opcode, ending with it
 * @offset: of the cursor's beginning in .debug_line
 *
 * Return: as lines_read().
 */
nodiscard int lines_header_read(const struct debuginfo *debuginfo, struct cursor *cursor,
				uint64_t offset, struct line_header *header, struct lines *lines);

#endif
