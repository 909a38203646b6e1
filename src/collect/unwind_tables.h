/* SPDX-License-Identifier: MIT */
/* unwind_tables.h - the two maps that the kernel side unwinds by (probe/unwind.wire.h), and their
 * budget.
 *
 * What does not fit takes the place of the block that was not used for longest, roughly: a block
 * that was used since it was looked at last is passed over once.
 */
#ifndef COLLECT_UNWIND_TABLES_H
#define COLLECT_UNWIND_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"
#include "probe/unwind.wire.h"

struct unwind_tables;

struct unwind_tables_figures {
	uint64_t blocks, parts;           /* there now */
	uint64_t blocks_evicted, refused; /* since the start */
};

/* How many elements the two maps may have; for their max_entries. */
struct unwind_tables_size {
	uint32_t blocks, parts;
};

/** unwind_tables_size - what fits into so many bytes of kernel memory, mirror or not */
struct unwind_tables_size unwind_tables_size(size_t max_bytes);

/**
 * unwind_tables_new - take over two maps
 * @blocks_fd, @mappings_fd: stay the caller's; of unwind_tables_size(@max_bytes)
 * @max_bytes: of kernel memory for both
 */
nodiscard int unwind_tables_new(int blocks_fd, int mappings_fd, size_t max_bytes,
				struct unwind_tables **ret_tables);

/** unwind_tables_mirror - keep a second pair of maps the same; before anything is put */
void unwind_tables_mirror(struct unwind_tables *tables, int blocks_fd, int mappings_fd);
void unwind_tables_free(struct unwind_tables *tables);
own_define(struct unwind_tables, unwind_tables_free)

/** unwind_tables_get - a block that is there.  Return: 0; -ENOENT; -errno */
nodiscard int unwind_tables_get(const struct unwind_tables *tables, struct unwind_block_key key,
				struct unwind_block *block);

/** unwind_tables_put - add a block.  Return: 0; -ENOMEM; -errno */
nodiscard int unwind_tables_put(struct unwind_tables *tables, struct unwind_block_key key,
				const struct unwind_block *block);

/**
 * unwind_tables_map - what a process has mapped, in place of what was told before
 * @mappings: by address; what exceeds UNWIND_PARTS_MAX parts, three millions, is left out
 *
 * Return: 0; -ENOMEM; -E2BIG when the budget is used by other processes; -errno
 */
nodiscard int unwind_tables_map(struct unwind_tables *tables, uint32_t pid, uint64_t exec_id,
				uint64_t exec_vm, const struct unwind_mapping *mappings,
				size_t count);

/** unwind_tables_unmap - a process ended */
void unwind_tables_unmap(struct unwind_tables *tables, uint32_t pid);

/** unwind_tables_is_full - whether a further block takes the place of another */
bool unwind_tables_is_full(const struct unwind_tables *tables);

struct unwind_tables_figures unwind_tables_figures(const struct unwind_tables *tables);

#endif
