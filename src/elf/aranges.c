/* SPDX-License-Identifier: MIT */
#include "elf/aranges.h"

#include "elf/cursor.h"

/* The number of the unit that starts at an offset; units.len if there is none. */
static size_t unit_at(const struct debuginfo *debuginfo, uint64_t offset)
{
	size_t low = 0, high = debuginfo->units.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (debuginfo->units.data[middle].start < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < debuginfo->units.len && debuginfo->units.data[low].start == offset
		       ? low
		       : debuginfo->units.len;
}

/* One set: a header, then pairs of address and length, aligned to their size, up to one of zeros. */
static int read_set(const struct debuginfo *debuginfo, const struct image *code,
		    struct cursor *cursor, struct spans *spans, uint8_t *listed)
{
	const uint8_t *start = cursor->at;
	unsigned offset_bytes = 4, address_bytes;
	uint64_t len = cursor_number(cursor, 4);
	struct cursor set;
	size_t unit;
	int err = 0;

	if (len == 0xffffffff) {
		offset_bytes = 8;
		len = cursor_number(cursor, 8);
	}
	set = *cursor;
	cursor_skip(cursor, len);
	if (cursor->bad)
		return 0;
	set.end = cursor->at;
	if (cursor_u16(&set) != 2)
		return 0;
	unit = unit_at(debuginfo, cursor_number(&set, offset_bytes));
	address_bytes = cursor_u8(&set);
	if (cursor_u8(&set) != 0 || set.bad || unit == debuginfo->units.len ||
	    (address_bytes != 4 && address_bytes != 8) || !debuginfo->units.data[unit].version)
		return 0;
	cursor_skip(&set, -(uint64_t)(set.at - start) % (2 * address_bytes));
	while (!err && cursor_left(&set) >= 2 * address_bytes) {
		uint64_t address = cursor_number(&set, address_bytes), end;

		len = cursor_number(&set, address_bytes);
		if (!address && !len)
			break;
		listed[unit] = 1;
		if (__builtin_add_overflow(address, len, &end) || !len || address < code->base ||
		    end - code->base > UINT32_MAX || !image_code_at(code, address))
			continue;
		err = vec_push(spans, { (uint32_t)(address - code->base),
					(uint32_t)(end - code->base), (uint32_t)unit });
	}
	return err;
}

int aranges_read(const struct debuginfo *debuginfo, const struct image *code, struct spans *spans,
		 uint8_t *listed)
{
	const struct image_section *section =
		image_find_section(debuginfo->image, ".debug_aranges");
	own(freep) uint8_t *bytes = NULL;
	struct cursor cursor;
	uint64_t size;
	int err;

	if (!section || image_section_bytes(debuginfo->image, section, &size) != 0 ||
	    size > ARANGES_MAX_BYTES)
		return 0;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	err = image_read_section(debuginfo->image, section, bytes, size);
	if (err)
		return err == -ENOMEM ? err : 0;
	cursor = (struct cursor){ bytes, bytes + size, false };
	while (!err && !cursor.bad && cursor.at < cursor.end)
		err = read_set(debuginfo, code, &cursor, spans, listed);
	return err;
}
