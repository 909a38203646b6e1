/* SPDX-License-Identifier: MIT */
/* maps.h - what one process has mapped where, ordered by address.
 *
 * Begun from the text of /proc/PID/maps, then kept current by the kernel's mmap records.
 *
 *     struct mappings -> table -> chunk [128 mappings]     table and chunks are counted and shared;
 *                              -> chunk [128 mappings]     a change copies the table (8 bytes a
 *                              -> ...                      chunk) and the one chunk that it touches
 *
 * So a fork costs one counter, and a mapping among 65,000 moves at most 128 others.
 * A path is a number in the caller's strings, the same ones for all processes.
 * Copies share memory without locks: all of them belong to one thread.
 */
#ifndef RESOLVE_MAPS_H
#define RESOLVE_MAPS_H

#include <stdbool.h>

#include "base/strings.h"

#define MAPPINGS_MAX \
	(1u << 20) /* of one process; vm.max_map_count is 65,530 unless it was raised */

enum mapping_kind {
	MAPPING_FILE,      /* code is in the file at `path` */
	MAPPING_ANONYMOUS, /* no file: code there was made at run time */
	MAPPING_HEAP,
	MAPPING_STACK,
	MAPPING_VDSO,
	MAPPING_SPECIAL, /* [vsyscall], [uprobes], ...: of the kernel's making */
	MAPPING_COUNT
};

struct mapping {
	uint64_t start; /* first address */
	uint64_t end;   /* one past the last */
	uint64_t file_offset;
	uint64_t device; /* major << 32 | minor */
	uint64_t inode;
	uint64_t generation; /* 0: unknown, as always from /proc/PID/maps */
	uint32_t path;       /* string; 0: none */
	uint8_t kind;        /* enum mapping_kind */
	bool executable, writable;
};

struct mappings { /* all zero: none */
	struct mapping_table *table;
	uint32_t len;
};

/** mapping_kind_of - what a path of /proc/PID/maps or of an mmap record stands for */
enum mapping_kind mapping_kind_of(const char *path);

/**
 * mappings_parse - add what the text of /proc/PID/maps lists
 * @only_code: leave out what is not executable
 * @paths:     receives the paths; \012 in them becomes the newline it stands for
 * @ret_bad:   lines that could not be read; may be NULL
 *
 * Return: 0; -ENOMEM; -E2BIG above MAPPINGS_MAX or when @paths is full.
 */
nodiscard int mappings_parse(struct mappings *mappings, const char *text, size_t len,
			     bool only_code, struct strings *paths, uint32_t *ret_bad);

/**
 * mappings_insert - a new mapping; what it overlaps of older ones is gone
 *
 * Return: 0; -EINVAL when it is empty; -ENOMEM; -E2BIG above MAPPINGS_MAX.
 */
nodiscard int mappings_insert(struct mappings *mappings, const struct mapping *mapping);

/** mappings_remove - munmap(): nothing is mapped from @start to @end any more.  0; -ENOMEM; -E2BIG */
nodiscard int mappings_remove(struct mappings *mappings, uint64_t start, uint64_t end);

/** mappings_find - what holds an address, NULL if nothing; valid until the next change of any copy */
const struct mapping *mappings_find(const struct mappings *mappings, uint64_t address);

/** mappings_next - the mapping that starts at or after an address, NULL if none; to list them */
const struct mapping *mappings_next(const struct mappings *mappings, uint64_t address);

/** mappings_code_bytes - how much of it is code, as the kernel counts it: not what may be written, too */
uint64_t mappings_code_bytes(const struct mappings *mappings);

/** mappings_copy - fork(): @copy, which must be empty, becomes equal to @mappings */
void mappings_copy(struct mappings *copy, const struct mappings *mappings);

/** mappings_clear - exec() or exit: nothing is mapped any more */
void mappings_clear(struct mappings *mappings);

#endif
