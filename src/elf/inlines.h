/* SPDX-License-Identifier: MIT */
/* inlines.h - which calls were inlined at an address, and the source lines of them all.
 *
 * An index of flat intervals, built unit by unit when an address first falls into one:
 *
 *     address --> unit     from .debug_aranges, or from the unit's first entry
 *     address --> node     the innermost function or inlined call whose code it is
 *     node    --> parent   up to the function that the code belongs to
 *     address --> row      file and line of the address itself
 *
 * libdw reads the entries of the unit once; a look-up afterwards is three binary searches.  What the
 * limits forbid is counted in `refused`, and the caller falls back to the symbol alone.
 * Not thread-safe.
 */
#ifndef ELF_INLINES_H
#define ELF_INLINES_H

#include "elf/debuginfo.h"
#include "elf/spans.h"

#define INLINES_MAX_DEPTH 64u /* calls inlined into each other; compilers stop at about 20 */
#define INLINES_NO_NODE   UINT32_MAX

/* One function of a chain: the call that leads to the next one, or the address itself, is in its
 * `line`.
 */
struct inline_frame {
	uint32_t name; /* text; DEBUGINFO_NO_TEXT: unknown */
	uint32_t file; /* of the unit; LINES_NO_FILE: unknown */
	uint32_t line; /* 0: unknown */
};

struct inline_chain {
	uint32_t unit;
	uint32_t len;                                  /* 0: nothing is known of the address */
	struct inline_frame frames[INLINES_MAX_DEPTH]; /* outermost first */
};

struct inlines;

/**
 * inlines_new - prepare; reads the list of units, not the units
 * @debug: the file that has .debug_info
 * @code:  the executable; the same file or the one that @debug was split off.  Both must outlive it
 *
 * Return: 0; -ENOENT when there is no .debug_info; the errors of debuginfo_open().
 */
nodiscard int inlines_new(const struct image *debug, const struct image *code,
			  const struct debuginfo_limits *limits, struct inlines **ret_inlines);
void inlines_free(struct inlines *inlines);
own_define(struct inlines, inlines_free)

/**
 * inlines_find - the functions that an address belongs to
 *
 * Return: 0, with an empty chain where DWARF says nothing or could not be read; -ENOMEM.
 */
nodiscard int inlines_find(struct inlines *inlines, uint64_t address,
			   struct inline_chain *ret_chain);

/** inlines_name - a frame's function as the linker knows it.  Return: its length; -errno */
nodiscard int inlines_name(const struct inlines *inlines, uint32_t name, char *text, size_t size);

/** inlines_source - path of a frame's file.  Return: its length; -ENOENT; -errno */
nodiscard int inlines_source(const struct inlines *inlines, uint32_t unit, uint32_t file,
			     char *path, size_t size);

/** inlines_refused - units that were not read because of a limit; 0: everything was within them */
uint32_t inlines_refused(const struct inlines *inlines);

/** inlines_bytes - the memory it holds */
size_t inlines_bytes(const struct inlines *inlines);

#endif
