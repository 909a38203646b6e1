/* SPDX-License-Identifier: MIT */
#include "elf/lines_header.h"

#include <dwarf.h>

#define MAX_FORMATS 16u /* columns of a table of DWARF 5; there are 5 kinds */

/* One column of a table of directories or files. */
struct format {
	uint64_t content, form;
};

struct tables {
	const struct debuginfo *debuginfo;
	const uint8_t *start; /* of the piece of .debug_line in memory */
	uint64_t offset;      /* of `start` in .debug_line */
	uint8_t offset_bytes;
	vec(uint32_t) directories; /* texts */
};

static uint32_t text_here(const struct tables *tables, struct cursor *cursor)
{
	uint64_t offset = tables->offset + (uint64_t)(cursor->at - tables->start);
	bool empty = cursor->at < cursor->end && *cursor->at == '\0';

	cursor_skip_text(cursor);
	return empty || cursor->bad ? DEBUGINFO_NO_TEXT
				    : debuginfo_text_at(tables->debuginfo, DEBUG_LINE, offset);
}

/* Directories and files up to DWARF 4: texts, an empty one last. */
static int read_old_tables(struct tables *tables, struct cursor *cursor, struct lines *lines)
{
	int err = vec_push(&tables->directories, lines->directory);
	uint32_t text;

	while (!err && (text = text_here(tables, cursor)) != DEBUGINFO_NO_TEXT) {
		if (tables->directories.len > LINES_MAX_FILES)
			return -E2BIG;
		err = vec_push(&tables->directories, text);
	}
	while (!err && !cursor->bad && (text = text_here(tables, cursor)) != DEBUGINFO_NO_TEXT) {
		uint64_t directory = cursor_uleb(cursor);

		cursor_uleb(cursor); /* time */
		cursor_uleb(cursor); /* length */
		if (lines->files.len >= LINES_MAX_FILES)
			return -E2BIG;
		err = vec_push(&lines->files, { text, directory < tables->directories.len
							      ? tables->directories.data[directory]
							      : DEBUGINFO_NO_TEXT });
	}
	lines->first_file = 1;
	return err ?: cursor->bad ? -EBADMSG : 0;
}

/* One value of a table of DWARF 5, either a text or a number.  Return: 0; -EBADMSG */
static int read_value(const struct tables *tables, struct cursor *cursor, uint64_t form,
		      uint32_t *text, uint64_t *number)
{
	switch (form) {
	case DW_FORM_string:
		*text = text_here(tables, cursor);
		break;
	case DW_FORM_line_strp:
		*text = debuginfo_text_at(tables->debuginfo, DEBUG_LINE_STR,
					  cursor_number(cursor, tables->offset_bytes));
		break;
	case DW_FORM_strp:
		*text = debuginfo_text_at(tables->debuginfo, DEBUG_STR,
					  cursor_number(cursor, tables->offset_bytes));
		break;
	case DW_FORM_udata:
		*number = cursor_uleb(cursor);
		break;
	case DW_FORM_data1:
		*number = cursor_u8(cursor);
		break;
	case DW_FORM_data2:
		*number = cursor_u16(cursor);
		break;
	case DW_FORM_data4:
		*number = cursor_number(cursor, 4);
		break;
	case DW_FORM_data8:
		*number = cursor_number(cursor, 8);
		break;
	case DW_FORM_data16: /* an MD5 sum */
		cursor_skip(cursor, 16);
		break;
	case DW_FORM_block:
		cursor_skip(cursor, cursor_uleb(cursor));
		break;
	default: /* strx and the like do not occur where there is no unit yet */
		return -EBADMSG;
	}
	return cursor->bad ? -EBADMSG : 0;
}

static int read_formats(struct cursor *cursor, struct format formats[MAX_FORMATS], uint8_t *ret_len)
{
	uint8_t len = cursor_u8(cursor);

	if (len > MAX_FORMATS)
		return -EBADMSG;
	for (uint8_t i = 0; i < len; i++) {
		formats[i].content = cursor_uleb(cursor);
		formats[i].form = cursor_uleb(cursor);
	}
	*ret_len = len;
	return cursor->bad ? -EBADMSG : 0;
}

/* A table of DWARF 5: its columns, its length, its rows. */
static int read_new_table(struct tables *tables, struct cursor *cursor, struct lines *lines,
			  bool files)
{
	struct format formats[MAX_FORMATS];
	uint64_t count;
	uint8_t len = 0;
	int err = read_formats(cursor, formats, &len);

	count = cursor_uleb(cursor);
	if (err || cursor->bad || (count && !len))
		return err ?: -EBADMSG;
	if (count > LINES_MAX_FILES)
		return -E2BIG;
	for (uint64_t i = 0; !err && i < count; i++) {
		uint32_t path = DEBUGINFO_NO_TEXT;
		uint64_t directory = 0;

		for (uint8_t j = 0; !err && j < len; j++) {
			uint32_t text = DEBUGINFO_NO_TEXT;
			uint64_t number = 0;

			err = read_value(tables, cursor, formats[j].form, &text, &number);
			if (formats[j].content == DW_LNCT_path)
				path = text;
			else if (formats[j].content == DW_LNCT_directory_index)
				directory = number;
		}
		if (err)
			break;
		if (files)
			err = vec_push(&lines->files,
				       { path, directory < tables->directories.len
						       ? tables->directories.data[directory]
						       : DEBUGINFO_NO_TEXT });
		else
			err = vec_push(&tables->directories, path);
	}
	return err;
}

static int read_tables(struct tables *tables, struct cursor *cursor, uint16_t version,
		       struct lines *lines)
{
	int err;

	if (version < 5)
		return read_old_tables(tables, cursor, lines);
	lines->first_file = 0;
	err = read_new_table(tables, cursor, lines, false);
	return err ?: read_new_table(tables, cursor, lines, true);
}

int lines_header_read(const struct debuginfo *debuginfo, struct cursor *cursor, uint64_t offset,
		      struct line_header *header, struct lines *lines)
{
	struct tables tables = { debuginfo, cursor->at, offset, 4 };
	uint64_t len = cursor_number(cursor, 4);
	struct cursor head;
	int err;

	if (len == 0xffffffff) {
		tables.offset_bytes = 8;
		len = cursor_number(cursor, 8);
	}
	if (cursor->bad || len > cursor_left(cursor))
		return -EBADMSG;
	cursor->end = cursor->at + len;
	header->version = cursor_u16(cursor);
	if (header->version < 2 || header->version > 5)
		return -ENOTSUP;
	header->offset_bytes = tables.offset_bytes;
	header->address_bytes = header->version == 5 ? cursor_u8(cursor) : 8;
	if (header->version == 5)
		cursor_u8(cursor); /* segment selectors: nobody has them */
	len = cursor_number(cursor, tables.offset_bytes);
	if (cursor->bad || len > cursor_left(cursor))
		return -EBADMSG;
	head = (struct cursor){ cursor->at, cursor->at + len, false };
	cursor->at = head.end;
	header->instruction_bytes = cursor_u8(&head);
	header->operations = header->version >= 4 ? cursor_u8(&head) : 1;
	cursor_u8(&head); /* whether a line is a statement by default */
	header->line_base = (int8_t)cursor_u8(&head);
	header->line_range = cursor_u8(&head);
	header->opcode_base = cursor_u8(&head);
	if (head.bad || !header->line_range || !header->opcode_base || header->operations > 1)
		return -EBADMSG;
	for (unsigned i = 1; i < header->opcode_base; i++)
		header->operands[i] = cursor_u8(&head);
	err = head.bad ? -EBADMSG : read_tables(&tables, &head, header->version, lines);
	vec_done(&tables.directories);
	return err;
}
