/* SPDX-License-Identifier: MIT */
/* unwind_block.h - rows of call frame information as the kernel side reads them. */
#ifndef ELF_UNWIND_BLOCK_H
#define ELF_UNWIND_BLOCK_H

#include "elf/cfi.h"

/**
 * unwind_block_build - the block of a page, or of a part of it
 * @page: unwind_page()
 * @rows: scratch, kept by the caller to be used again
 *
 * What has more rows than the last level can hold ends in UNWIND_NONE: no compiler writes that.
 * Return: 0; -ENOMEM; -errno of pread().
 */
nodiscard int unwind_block_build(struct cfi *cfi, uint32_t page, struct cfi_rows *rows,
				 struct unwind_block *block);

/** unwind_block_part - the page of one of the four parts that stand in for a page that is split */
uint32_t unwind_block_part(uint32_t page, unsigned part);

/** unwind_block_level - of a page: 0 to UNWIND_LEVELS - 1 */
unsigned unwind_block_level(uint32_t page);

/** unwind_block_find - the rule of an address in the block of a page that holds it */
struct unwind_rule unwind_block_find(const struct unwind_block *block, uint32_t page,
				     uint64_t address);

#endif
