/* SPDX-License-Identifier: MIT */
/* debuginfo.h - the DWARF of one file, laid out for libdw piece by piece.
 *
 * libdw wants whole sections in memory, has no limit on what it spends on them, and opens files that
 * the DWARF names.  So it never sees the file.  It sees an ELF file that we lay out in anonymous
 * memory, address space of which only the parts in use are filled:
 *
 *     | ELF header, section headers | .debug_info | .debug_abbrev | ... | .debug_str | ... |
 *                                     by the page   whole                 never: read by offset
 *
 * .debug_info is filled for the units that are asked for and emptied again (debuginfo_forget), so
 * hundreds of megabytes of it cost what the largest unit costs.  Texts are not given to libdw at
 * all: the pointer that it computes into the empty .debug_str is turned back into an offset, a
 * "text", which debuginfo_text() reads from the file.  Compressed sections must be inflated whole.
 *
 * Guarded before libdw touches them: the number of units, the abbreviation tables (entries, attributes
 * per entry), and unit types that would make it open other files.  What it spends is charged against
 * `struct debuginfo_limits`.  DWARF 2 to 5; no split DWARF (.dwo) and no .gnu_debugaltlink: names
 * that lie there are missing.  Not thread-safe.
 */
#ifndef ELF_DEBUGINFO_H
#define ELF_DEBUGINFO_H

#include <elfutils/libdw.h>

#include "elf/image.h"

#define DEBUGINFO_MAX_UNITS   65536u  /* libdw: about 1 KB each */
#define DEBUGINFO_MAX_ABBREVS 500000u /* interned by libdw, 50 to 90 bytes each */
#define DEBUGINFO_MAX_ATTRS   100u    /* of one abbreviation; compilers use up to about 30 */
#define DEBUGINFO_NO_TEXT     0u

enum debug_part {
	DEBUG_INFO,
	DEBUG_ABBREV,
	DEBUG_STR_OFFSETS,
	DEBUG_ADDR,
	DEBUG_RANGES,
	DEBUG_RNGLISTS,
	DEBUG_STR,
	DEBUG_LINE_STR,
	DEBUG_LINE,
	DEBUG_PART_COUNT
};

struct debuginfo_limits {
	size_t bytes;    /* of sections in memory, and as much again for what is built from them */
	uint64_t cpu_ns; /* of all work on this file */
};

struct debuginfo_part {
	const struct image_section *section; /* NULL: absent */
	uint64_t at, size;                   /* in the layout */
	bool whole;                          /* filled, to stay */
	uint64_t *filled;                    /* else: a bit per page */
};

struct debuginfo_unit {
	uint64_t start, end; /* in .debug_info, with its header */
	uint64_t root;       /* offset of its first entry */
	uint64_t abbrevs;    /* offset of its table in .debug_abbrev */
	uint8_t version;     /* 2 to 5; 0: not to be touched */
	uint8_t address_bytes;
	uint8_t offset_bytes;
	bool root_checked, abbrevs_checked;
};

struct debuginfo {
	const struct image *image;
	struct debuginfo_limits limits;
	uint8_t *layout;
	uint64_t layout_bytes;
	struct debuginfo_part parts[DEBUG_PART_COUNT];
	vec(struct debuginfo_unit) units; /* in order */
	Elf *elf;
	Dwarf *dwarf;
	uint64_t resident;  /* bytes of the layout that are filled */
	uint64_t abbrevs;   /* entries that libdw may have interned */
	uint64_t used_ns;   /* CPU time, up to the last debuginfo_stop() */
	uint64_t began_ns;  /* debuginfo_start() */
	bool is_incomplete; /* units were left out */
};

/**
 * debuginfo_open - lay out the DWARF of a file and list its units
 * @image: the file that has .debug_info; must outlive the result
 *
 * Return: 0; -ENOENT when it has none; -E2BIG above the limits; -EBADMSG; -ENODATA; -ENOTSUP (a
 * compression we lack); -ENOMEM; -errno of pread().
 */
nodiscard int debuginfo_open(const struct image *image, const struct debuginfo_limits *limits,
			     struct debuginfo **ret_debuginfo);
void debuginfo_close(struct debuginfo *debuginfo);
own_define(struct debuginfo, debuginfo_close)

/** debuginfo_start, debuginfo_stop - work in between counts as CPU time of this file */
void debuginfo_start(struct debuginfo *debuginfo);
void debuginfo_stop(struct debuginfo *debuginfo);

/** debuginfo_check_time - between start and stop.  Return: 0; -ETIME when the CPU time is spent */
nodiscard int debuginfo_check_time(struct debuginfo *debuginfo);

/** debuginfo_need - fill a range of a part.  0; -ENODATA beyond its end; -E2BIG; -errno of pread() */
nodiscard int debuginfo_need(struct debuginfo *debuginfo, enum debug_part part, uint64_t offset,
			     uint64_t len);

/** debuginfo_forget - empty what debuginfo_need() filled; entries of libdw there become invalid */
void debuginfo_forget(struct debuginfo *debuginfo);

/**
 * debuginfo_root - the first entry of a unit, all its attributes readable
 *
 * Return: 0; -EBADMSG; -E2BIG; -errno.
 */
nodiscard int debuginfo_root(struct debuginfo *debuginfo, uint32_t unit, Dwarf_Die *ret_die);

/** debuginfo_fill_unit - make all entries of a unit readable.  Return: as debuginfo_root() */
nodiscard int debuginfo_fill_unit(struct debuginfo *debuginfo, uint32_t unit);

/**
 * debuginfo_follow - the entry that an attribute refers to, filled in if it is in another unit
 *
 * Return: 0; -ENOENT when it lies in another file; -EBADMSG; -E2BIG; -errno.
 */
nodiscard int debuginfo_follow(struct debuginfo *debuginfo, Dwarf_Attribute *attribute,
			       Dwarf_Die *ret_die);

/** debuginfo_text_of - a text attribute of an entry itself, as a text; DEBUGINFO_NO_TEXT if none */
uint32_t debuginfo_text_of(const struct debuginfo *debuginfo, Dwarf_Die *die, unsigned attribute);

/** debuginfo_text_at - the text at an offset of a part; DEBUGINFO_NO_TEXT if there is none */
uint32_t debuginfo_text_at(const struct debuginfo *debuginfo, enum debug_part part,
			   uint64_t offset);

/** debuginfo_text - read a text.  Return: its length (cut to @size - 1); -EBADMSG; -errno */
nodiscard int debuginfo_text(const struct debuginfo *debuginfo, uint32_t text, char *buffer,
			     size_t size);

/** debuginfo_read - copy a piece of a part.  Return: 0; -ENODATA; -errno of pread() */
nodiscard int debuginfo_read(const struct debuginfo *debuginfo, enum debug_part part,
			     uint64_t offset, void *buffer, size_t len);

#endif
