/* SPDX-License-Identifier: MIT */
#include "elf/debuginfo_units.h"

#include <dwarf.h>

#include "elf/cursor.h"

#define UNITS_KEPT   256u   /* headers in memory at a time, a page each */
#define HEADER_BYTES 40u    /* the longest unit header: 64-bit DWARF 5 of a type unit */
#define ROOT_BYTES   4096u  /* first entries are about 100 bytes long, some hold long texts */
#define ENTRY_BYTES  8192u  /* what is filled in of an entry that is referred to */
#define ROOT_MAX     65536u /* a first entry that is longer is not believed */

/* Walks an abbreviation table and charges what libdw will intern of it.
 * @until: stop after this code; 0: at the end
 *
 * Return: 0; -EBADMSG; -E2BIG.
 */
static int charge_abbrevs(struct debuginfo *debuginfo, uint64_t offset, uint64_t until)
{
	const struct debuginfo_part *part = &debuginfo->parts[DEBUG_ABBREV];
	const uint8_t *start = debuginfo->layout + part->at;
	struct cursor cursor = { start + offset, start + part->size, false };
	uint64_t code;

	if (offset >= part->size)
		return -EBADMSG;
	while ((code = cursor_uleb(&cursor)) != 0) {
		unsigned attributes = 0;
		uint64_t name, form;

		if (++debuginfo->abbrevs > DEBUGINFO_MAX_ABBREVS)
			return -E2BIG;
		cursor_uleb(&cursor); /* tag */
		cursor_u8(&cursor);   /* has children */
		do {
			name = cursor_uleb(&cursor);
			form = cursor_uleb(&cursor);
			if (form == DW_FORM_implicit_const)
				cursor_sleb(&cursor);
			if (cursor.bad)
				return -EBADMSG;
			if (++attributes > DEBUGINFO_MAX_ATTRS)
				return -E2BIG;
		} while (name || form);
		if (code == until)
			break;
	}
	return cursor.bad ? -EBADMSG : 0;
}

/* Reads a unit's header.  Return: 0; -EBADMSG when there is none at `start`; -errno. */
static int read_unit(struct debuginfo *debuginfo, uint64_t start, struct debuginfo_unit *unit)
{
	const struct debuginfo_part *part = &debuginfo->parts[DEBUG_INFO];
	uint64_t left = part->size - start, len;
	uint16_t version;
	uint8_t type = DW_UT_compile, header[HEADER_BYTES];
	struct cursor cursor = { header, header + (left < HEADER_BYTES ? left : HEADER_BYTES),
				 false };
	int err = debuginfo_read(debuginfo, DEBUG_INFO, start, header, cursor_left(&cursor));

	if (err)
		return err;
	*unit = (struct debuginfo_unit){ .start = start, .offset_bytes = 4 };
	len = cursor_number(&cursor, 4);
	if (len == 0xffffffff) {
		unit->offset_bytes = 8;
		len = cursor_number(&cursor, 8);
	}
	if (cursor.bad || !len || len > left - (uint64_t)(cursor.at - header))
		return -EBADMSG;
	unit->end = start + (uint64_t)(cursor.at - header) + len;
	version = cursor_u16(&cursor);
	unit->version = version >= 2 && version <= 5 ? (uint8_t)version : 0;
	if (version == 5) {
		type = cursor_u8(&cursor);
		unit->address_bytes = cursor_u8(&cursor);
		unit->abbrevs = cursor_number(&cursor, unit->offset_bytes);
	} else {
		unit->abbrevs = cursor_number(&cursor, unit->offset_bytes);
		unit->address_bytes = cursor_u8(&cursor);
	}
	unit->root = start + (uint64_t)(cursor.at - header);
	/* Only these have code, and libdw opens other files for some of the others. */
	if (cursor.bad || unit->root >= unit->end ||
	    (type != DW_UT_compile && type != DW_UT_partial))
		unit->version = 0;
	return 0;
}

/* Charges what looking at a unit's first entry makes libdw intern. */
static int charge_root(struct debuginfo *debuginfo, struct debuginfo_unit *unit)
{
	uint8_t bytes[10];
	struct cursor cursor = { bytes, bytes, false };
	uint64_t len = unit->end - unit->root, code;
	int err;

	if (unit->root_checked)
		return 0;
	cursor.end += len < sizeof(bytes) ? len : sizeof(bytes);
	err = debuginfo_read(debuginfo, DEBUG_INFO, unit->root, bytes, cursor_left(&cursor));
	if (err)
		return err;
	code = cursor_uleb(&cursor);
	err = code ? charge_abbrevs(debuginfo, unit->abbrevs, code) : -EBADMSG;
	if (!err)
		unit->root_checked = true;
	return err;
}

/* Has libdw take notice of the unit: it goes through them in order and keeps them.  Up to DWARF 4 it
 * also looks at the first entry to tell the unit's type, which costs a good part of the abbreviation
 * table (gcc puts the rarest last).  So it gets to see the header only, with zeros behind it.
 */
static int enter_unit(struct debuginfo *debuginfo, struct debuginfo_unit *unit)
{
	const struct debuginfo_part *part = &debuginfo->parts[DEBUG_INFO];
	Dwarf_Die die;
	int err;

	if (part->whole && unit->version)
		err = charge_root(debuginfo, unit);
	else
		err = debuginfo_read(debuginfo, DEBUG_INFO, unit->start,
				     debuginfo->layout + part->at + unit->start,
				     unit->root - unit->start);
	if (err == -EBADMSG) {
		unit->version = 0;
		err = 0;
	}
	if (!err && !dwarf_offdie(debuginfo->dwarf, unit->root, &die))
		unit->version = 0;
	return err;
}

int debuginfo_list_units(struct debuginfo *debuginfo)
{
	uint64_t at = 0;

	while (at < debuginfo->parts[DEBUG_INFO].size) {
		struct debuginfo_unit unit;
		int err = read_unit(debuginfo, at, &unit);

		if (!err && debuginfo->units.len == DEBUGINFO_MAX_UNITS)
			err = -E2BIG;
		err = err ?: enter_unit(debuginfo, &unit);
		err = err ?: vec_push(&debuginfo->units, unit);
		err = err ?: debuginfo_check_time(debuginfo);
		if (err == -EBADMSG || err == -ETIME || err == -E2BIG) {
			/* What was listed so far is good. */
			debuginfo->is_incomplete = true;
			break;
		}
		if (err)
			return err;
		at = unit.end;
		if (debuginfo->units.len % UNITS_KEPT == 0)
			debuginfo_forget(debuginfo);
	}
	debuginfo_forget(debuginfo);
	return 0;
}

static int check_unit(struct debuginfo *debuginfo, struct debuginfo_unit *unit)
{
	int err;

	if (!unit->version)
		return -EBADMSG;
	if (unit->abbrevs_checked)
		return 0;
	err = charge_abbrevs(debuginfo, unit->abbrevs, 0);
	if (!err)
		unit->abbrevs_checked = true;
	return err;
}

int debuginfo_root(struct debuginfo *debuginfo, uint32_t number, Dwarf_Die *ret_die)
{
	struct debuginfo_unit *unit = &debuginfo->units.data[number];
	uint64_t len = unit->end - unit->start;
	Dwarf_Die die, child;
	int err = unit->version ? charge_root(debuginfo, unit) : -EBADMSG;

	for (uint64_t part = ROOT_BYTES; !err; part = ROOT_MAX) {
		uint64_t filled = part < len ? part : len;

		err = debuginfo_need(debuginfo, DEBUG_INFO, unit->start, filled);
		if (!err && !dwarf_offdie(debuginfo->dwarf, unit->root, &die))
			err = -EBADMSG;
		if (err)
			break;
		/* Its children begin behind its attributes: those must be within what is filled. */
		if (filled == len || dwarf_child(&die, &child) != 0 ||
		    (uint64_t)((uint8_t *)child.addr - debuginfo->layout) <
			    debuginfo->parts[DEBUG_INFO].at + unit->start + filled) {
			/* The rest of a split unit is in another file. */
			if (dwarf_hasattr(&die, DW_AT_GNU_dwo_name))
				return -EBADMSG;
			*ret_die = die;
			return 0;
		}
		if (part == ROOT_MAX)
			err = -EBADMSG;
	}
	return err;
}

int debuginfo_fill_unit(struct debuginfo *debuginfo, uint32_t number)
{
	struct debuginfo_unit *unit = &debuginfo->units.data[number];
	int err = check_unit(debuginfo, unit);

	return err ?: debuginfo_need(debuginfo, DEBUG_INFO, unit->start, unit->end - unit->start);
}

static struct debuginfo_unit *unit_at(struct debuginfo *debuginfo, uint64_t offset)
{
	size_t low = 0, high = debuginfo->units.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (debuginfo->units.data[middle].start <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || offset >= debuginfo->units.data[low - 1].end)
		return NULL;
	return &debuginfo->units.data[low - 1];
}

/* An entry of another unit of the same file. */
static int follow_far(struct debuginfo *debuginfo, const Dwarf_Attribute *attribute,
		      Dwarf_Die *ret_die)
{
	const uint8_t *end = debuginfo->layout + debuginfo->layout_bytes;
	struct cursor cursor = { attribute->valp, end, false };
	struct debuginfo_unit *unit =
		unit_at(debuginfo, (uint64_t)(attribute->valp - debuginfo->layout) -
					   debuginfo->parts[DEBUG_INFO].at);
	uint64_t offset, left;
	int err;

	if (!unit)
		return -EBADMSG;
	offset = cursor_number(&cursor, unit->version == 2 ? unit->address_bytes & 8 ?: 4
							   : unit->offset_bytes);
	unit = unit_at(debuginfo, offset);
	if (!unit || offset < unit->root)
		return -EBADMSG;
	left = unit->end - offset;
	err = check_unit(debuginfo, unit);
	err = err
		      ?: debuginfo_need(debuginfo, DEBUG_INFO, offset,
					left < ENTRY_BYTES ? left : ENTRY_BYTES);
	if (err)
		return err;
	return dwarf_offdie(debuginfo->dwarf, offset, ret_die) ? 0 : -EBADMSG;
}

int debuginfo_follow(struct debuginfo *debuginfo, Dwarf_Attribute *attribute, Dwarf_Die *ret_die)
{
	switch (dwarf_whatform(attribute)) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		return dwarf_formref_die(attribute, ret_die) ? 0 : -EBADMSG;
	case DW_FORM_ref_addr:
		return follow_far(debuginfo, attribute, ret_die);
	default: /* in a supplementary file, or a type */
		return -ENOENT;
	}
}
