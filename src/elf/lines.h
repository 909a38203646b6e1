/* SPDX-License-Identifier: MIT */
/* lines.h - which source line an address of one compile unit came from.
 *
 * Our own reader of .debug_line, DWARF 2 to 5.  libdw's keeps 48 bytes per row until the file is
 * closed and twice that while it reads, with no limit: a program of 1 MB becomes 40 MB.  This one
 * streams the program, drops the rows that change nothing and keeps 12 bytes for each of the others.
 */
#ifndef ELF_LINES_H
#define ELF_LINES_H

#include "elf/debuginfo.h"

#define LINES_MAX_BYTES (32u << 20) /* of one unit's program */
#define LINES_MAX_ROWS  (2u << 20)  /* 24 MB, twice while they are put in order */
#define LINES_MAX_FILES 65536u
#define LINES_NO_FILE   UINT32_MAX

struct line_row {       /* holds up to the next row */
	uint32_t start; /* relative to the image's base */
	uint32_t line;  /* 0: made by the compiler */
	uint32_t file;  /* as in the program; LINES_NO_FILE: no code here */
};

struct line_file {
	uint32_t name;      /* text */
	uint32_t directory; /* text; DEBUGINFO_NO_TEXT: the unit's own */
};

struct lines {
	vec(struct line_row) rows; /* by address */
	vec(struct line_file) files;
	uint32_t directory; /* text: where the compiler ran */
	uint8_t first_file; /* number of files[0]: 0 since DWARF 5, 1 before */
};

/**
 * lines_read - read the program of one unit
 * @code:       the executable: says what is code, and its base
 * @offset:     of the program in .debug_line
 * @directory:  DW_AT_comp_dir, a text
 * @lines:      all zero before; on failure to be released too
 *
 * Return: 0; -EBADMSG; -ENODATA; -E2BIG above a ceiling; -ENOTSUP another version; -ENOMEM; -errno.
 */
nodiscard int lines_read(struct debuginfo *debuginfo, const struct image *code, uint64_t offset,
			 uint32_t directory, struct lines *lines);
void lines_done(struct lines *lines);

/** lines_find - the row that holds an address; NULL if none */
const struct line_row *lines_find(const struct lines *lines, uint32_t address);

/**
 * lines_path - the path of a file by its number in the program, with its directories
 *
 * Return: its length (cut to @size - 1); -ENOENT for a number that is not in the table; -errno.
 */
nodiscard int lines_path(const struct debuginfo *debuginfo, const struct lines *lines,
			 uint32_t file, char *path, size_t size);

/** lines_bytes - the memory it holds */
size_t lines_bytes(const struct lines *lines);

#endif
