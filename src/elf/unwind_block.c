/* SPDX-License-Identifier: MIT */
#include "elf/unwind_block.h"

#include <string.h>

#define RULES_MAX 256u

unsigned unwind_block_level(uint32_t page)
{
	return page >> 30;
}

uint32_t unwind_block_part(uint32_t page, unsigned part)
{
	unsigned level = unwind_block_level(page) + 1;
	uint32_t parent = page >> 26 & 15;

	return (page & 0x3ffffff) | level << 30 | (parent << 2 | part) << 26;
}

static uint64_t start_of(uint32_t page)
{
	return ((uint64_t)(page & 0x3ffffff) << UNWIND_PAGE_SHIFT) +
	       ((uint64_t)(page >> 26 & 15) << unwind_code_shift(unwind_block_level(page)));
}

static uint32_t find_rule(const struct unwind_rule *rules, uint32_t count,
			  const struct unwind_rule *rule)
{
	for (uint32_t i = count; i-- > 0;)
		if (memcmp(&rules[i], rule, sizeof(*rule)) == 0)
			return i;
	return count;
}

/* As many rows as fit.  Return: how many */
static size_t fill(struct unwind_block *block, const struct cfi_rows *rows, uint64_t start)
{
	struct unwind_rule rules[RULES_MAX];
	uint16_t offsets[UNWIND_BLOCK_ROWS];
	uint8_t numbers[UNWIND_BLOCK_ROWS];
	uint32_t rule_count = 0;
	size_t row_count = 0;

	for (; row_count < rows->len && row_count < UNWIND_BLOCK_ROWS; row_count++) {
		const struct cfi_row *row = &rows->data[row_count];
		uint32_t number = find_rule(rules, rule_count, &row->rule);
		size_t need = 3 * (row_count + 1) + 7 +
			      sizeof(rules[0]) * (rule_count + (number == rule_count));

		if (number == RULES_MAX || need > sizeof(block->data))
			break;
		if (number == rule_count)
			rules[rule_count++] = row->rule;
		offsets[row_count] = (uint16_t)(row->address - start);
		numbers[row_count] = (uint8_t)number;
	}
	block->rows = (uint16_t)row_count;
	block->rules = (uint32_t)(3 * row_count + 7) & ~7u;
	memcpy(block->data, offsets, 2 * row_count);
	memcpy(block->data + 2 * row_count, numbers, row_count);
	memcpy(block->data + block->rules, rules, rule_count * sizeof(rules[0]));
	return row_count;
}

int unwind_block_build(struct cfi *cfi, uint32_t page, struct cfi_rows *rows,
		       struct unwind_block *block)
{
	unsigned level = unwind_block_level(page);
	uint64_t start = start_of(page);
	size_t most;
	int err = cfi_rows(cfi, start, start + (1u << unwind_code_shift(level)), rows);

	if (err)
		return err;
	memset(block, 0, sizeof(*block));
	most = fill(block, rows, start);
	if (most == rows->len)
		return 0;
	if (level + 1 < UNWIND_LEVELS) {
		memset(block, 0, sizeof(*block));
		block->is_split = 1;
	} else {
		rows->data[most - 1].rule = (struct unwind_rule){ .kind = UNWIND_NONE };
		rows->len = most;
		fill(block, rows, start);
	}
	return 0;
}

struct unwind_rule unwind_block_find(const struct unwind_block *block, uint32_t page,
				     uint64_t address)
{
	uint16_t offset = (uint16_t)(address - start_of(page)), at;
	uint32_t low = 0, high = block->rows;
	struct unwind_rule rule;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		memcpy(&at, block->data + 2 * middle, 2);
		if (at <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return (struct unwind_rule){ .kind = UNWIND_NONE };
	memcpy(&rule,
	       block->data + block->rules + sizeof(rule) * block->data[2 * block->rows + low - 1],
	       sizeof(rule));
	return rule;
}
