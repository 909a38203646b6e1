/* SPDX-License-Identifier: MIT */
/* The call frame information of a whole ELF file of foreign making, and the blocks of all its pages. */
#include "elf/cfi.h"

#include <stdlib.h>
#include <string.h>

#include "elf/unwind_block.h"

#define PAGES_MAX 64u /* of one range of code; its addresses are foreign, too */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Ascending, from the start on, inside the range, and neighbours differ. */
static void check_rows(const struct cfi_rows *rows, uint64_t start, uint64_t end)
{
	if (!rows->len || rows->data[0].address != start)
		abort();
	for (size_t i = 1; i < rows->len; i++) {
		const struct cfi_row *row = &rows->data[i];

		if (row->address <= row[-1].address || row->address >= end ||
		    row->rule.kind >= UNWIND_KIND_COUNT ||
		    memcmp(&row->rule, &row[-1].rule, sizeof(row->rule)) == 0)
			abort();
	}
}

/* What a block says is what the rows say, as far as it reaches. */
static void check_block(const struct unwind_block *block, uint32_t page,
			const struct cfi_rows *rows)
{
	if (block->rows > UNWIND_BLOCK_ROWS || block->rules > sizeof(block->data) ||
	    (block->is_split && block->rows))
		abort();
	for (size_t i = 0; i < block->rows; i++) {
		struct unwind_rule rule = unwind_block_find(block, page, rows->data[i].address);

		if (memcmp(&rule, &rows->data[i].rule, sizeof(rule)) != 0)
			abort();
	}
}

/* Return: whether there is reason to go on */
static bool build(struct cfi *cfi, uint32_t page, struct cfi_rows *rows)
{
	struct unwind_block block;
	bool go_on = unwind_block_build(cfi, page, rows, &block) == 0;

	if (go_on)
		check_block(&block, page, rows);
	for (unsigned part = 0; go_on && block.is_split && part < 4; part++)
		go_on = build(cfi, unwind_block_part(page, part), rows);
	return go_on;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	own(image_freep) struct image *image = NULL;
	own(cfi_closep) struct cfi *cfi = NULL;
	struct cfi_rows rows = { 0 };
	void *copy = malloc(len ?: 1);

	if (!copy)
		return 0;
	memcpy(copy, bytes, len);
	if (image_hold(copy, len, &image) != 0 || cfi_open(image, &cfi) != 0)
		return 0;
	if (cfi_rows(cfi, image->base, image->base + (1u << 20), &rows) == 0)
		check_rows(&rows, image->base, image->base + (1u << 20));
	vec_each(code, &image->code)
		for (uint32_t i = 0; i < PAGES_MAX; i++) {
			uint64_t at = code->start + ((uint64_t)i << UNWIND_PAGE_SHIFT);

			if (at >= code->end || !build(cfi, unwind_page(at, 0u), &rows))
				break;
		}
	vec_done(&rows);
	return 0;
}
