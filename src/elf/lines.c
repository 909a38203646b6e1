/* SPDX-License-Identifier: MIT */
#include "elf/lines.h"

#include <dwarf.h>
#include <string.h>

#include "elf/lines_header.h"

#define CHECK_ROWS 65536u /* between two looks at the clock */

/* A run of ascending addresses, closed by an end: one function, or one section. */
struct sequence {
	uint32_t start, end;
	uint32_t first, len; /* rows */
};

/* The state machine of the program (DWARF 5, section 6.2.2), as far as we need it. */
struct machine {
	struct debuginfo *debuginfo;
	const struct image *code;
	const struct line_header *header;
	struct lines *lines;
	vec(struct sequence) sequences;
	uint64_t address, file, line;
	size_t first; /* row of the open sequence */
	uint64_t steps;
	bool is_dropped; /* the open sequence lies outside of the code, or goes backwards */
};

static void begin_sequence(struct machine *machine)
{
	machine->address = 0;
	machine->file = 1;
	machine->line = 1;
	machine->first = machine->lines->rows.len;
	machine->is_dropped = false;
}

/* Appends a row to the open sequence.  The last of several for one address holds. */
static int add_row(struct machine *machine)
{
	struct lines *lines = machine->lines;
	struct line_row row = { 0, (uint32_t)machine->line, (uint32_t)machine->file }, *last;
	bool is_first = lines->rows.len == machine->first;

	if (++machine->steps % CHECK_ROWS == 0) {
		int err = debuginfo_check_time(machine->debuginfo);

		if (err)
			return err;
	}
	if (machine->is_dropped)
		return 0;
	/* What the linker removed stays in the program, at address 0 or -1. */
	if ((is_first && !image_code_at(machine->code, machine->address)) ||
	    machine->address < machine->code->base ||
	    machine->address - machine->code->base > UINT32_MAX) {
		machine->is_dropped = true;
		lines->rows.len = machine->first;
		return 0;
	}
	row.start = (uint32_t)(machine->address - machine->code->base);
	last = is_first ? NULL : &lines->rows.data[lines->rows.len - 1];
	if (last && row.start < last->start)
		return 0;
	if (last && row.line == last->line && row.file == last->file)
		return 0;
	if (last && row.start == last->start) {
		*last = row;
		return 0;
	}
	if (lines->rows.len >= LINES_MAX_ROWS)
		return -E2BIG;
	return vec_push(&lines->rows, row);
}

static int end_sequence(struct machine *machine)
{
	struct lines *lines = machine->lines;
	uint64_t end = machine->address - machine->code->base;
	uint32_t len = (uint32_t)(lines->rows.len - machine->first);
	int err = 0;

	if (len && (end > UINT32_MAX || end <= lines->rows.data[lines->rows.len - 1].start)) {
		lines->rows.len = machine->first;
		len = 0;
	}
	if (len)
		err = vec_push(&machine->sequences,
			       { lines->rows.data[machine->first].start, (uint32_t)end,
				 (uint32_t)machine->first, len });
	begin_sequence(machine);
	return err;
}

static int run_extended(struct machine *machine, struct cursor *cursor)
{
	uint64_t len = cursor_uleb(cursor);
	struct cursor operation = { cursor->at, cursor->at, false };

	if (!len || len > cursor_left(cursor))
		return -EBADMSG;
	operation.end += len;
	cursor->at += len;
	switch (cursor_u8(&operation)) {
	case DW_LNE_end_sequence:
		return end_sequence(machine);
	case DW_LNE_set_address:
		if (cursor_left(&operation) > 8)
			return -EBADMSG;
		machine->address = cursor_number(&operation, (unsigned)cursor_left(&operation));
		return 0;
	default: /* define_file (nobody emits it), discriminators, vendors' */
		return 0;
	}
}

static void advance(struct machine *machine, uint64_t operations)
{
	machine->address += operations * machine->header->instruction_bytes;
}

static int run_standard(struct machine *machine, uint8_t opcode, struct cursor *cursor)
{
	const struct line_header *header = machine->header;

	switch (opcode) {
	case DW_LNS_copy:
		return add_row(machine);
	case DW_LNS_advance_pc:
		advance(machine, cursor_uleb(cursor));
		return 0;
	case DW_LNS_advance_line:
		machine->line += (uint64_t)cursor_sleb(cursor);
		return 0;
	case DW_LNS_set_file:
		machine->file = cursor_uleb(cursor);
		return 0;
	case DW_LNS_const_add_pc:
		advance(machine, (255u - header->opcode_base) / header->line_range);
		return 0;
	case DW_LNS_fixed_advance_pc:
		machine->address += cursor_u16(cursor);
		return 0;
	default: /* columns, statements, blocks, prologues, and what is yet to be invented */
		for (unsigned i = 0; i < header->operands[opcode]; i++)
			cursor_uleb(cursor);
		return 0;
	}
}

static int run(struct machine *machine, struct cursor *cursor)
{
	const struct line_header *header = machine->header;
	int err = 0;

	begin_sequence(machine);
	while (!err && !cursor->bad && cursor->at < cursor->end) {
		uint8_t opcode = cursor_u8(cursor);

		if (opcode >= header->opcode_base) {
			uint8_t step = (uint8_t)(opcode - header->opcode_base);

			advance(machine, step / header->line_range);
			machine->line += (uint64_t)(header->line_base + step % header->line_range);
			err = add_row(machine);
		} else if (opcode) {
			err = run_standard(machine, opcode, cursor);
		} else {
			err = run_extended(machine, cursor);
		}
	}
	machine->lines->rows.len = machine->first; /* a sequence without end has no last address */
	return err ?: cursor->bad ? -EBADMSG : 0;
}

static int compare_sequences(const void *a, const void *b)
{
	const struct sequence *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return left->first < right->first ? -1 : left->first > right->first;
}

/* Brings the sequences into the order of addresses and closes each that has no neighbour. */
static int order_sequences(struct machine *machine)
{
	struct lines ordered = { 0 }, *lines = machine->lines;
	uint32_t done = 0;
	int err = vec_reserve(&ordered.rows, lines->rows.len + machine->sequences.len);

	if (err || !machine->sequences.len)
		return err;
	qsort(machine->sequences.data, machine->sequences.len, sizeof(*machine->sequences.data),
	      compare_sequences);
	vec_each(sequence, &machine->sequences) {
		size_t last = ordered.rows.len;

		if (sequence->start < done)
			continue; /* overlaps: one of them was removed, and the first is there */
		if (last && ordered.rows.data[last - 1].start == sequence->start)
			ordered.rows.len = --last;
		memcpy(ordered.rows.data + last, lines->rows.data + sequence->first,
		       sequence->len * sizeof(*ordered.rows.data));
		ordered.rows.len = last + sequence->len;
		ordered.rows.data[ordered.rows.len++] =
			(struct line_row){ sequence->end, 0, LINES_NO_FILE };
		done = sequence->end;
	}
	vec_done(&lines->rows);
	memcpy(&lines->rows, &ordered.rows, sizeof(lines->rows));
	return 0;
}

static void trim(struct lines *lines)
{
	struct line_row *rows = NULL;

	if (lines->rows.len)
		rows = realloc(lines->rows.data, lines->rows.len * sizeof(*rows));
	if (rows) {
		lines->rows.data = rows;
		lines->rows.cap = lines->rows.len;
	}
}

/* The length of the program at an offset, with its head. */
static int program_bytes(const struct debuginfo *debuginfo, uint64_t offset, uint64_t *ret_bytes)
{
	uint64_t size = debuginfo->parts[DEBUG_LINE].size, len;
	uint8_t bytes[12];
	struct cursor cursor = { bytes, bytes, false };
	int err;

	if (offset >= size)
		return -ENODATA;
	cursor.end += size - offset < sizeof(bytes) ? size - offset : sizeof(bytes);
	err = debuginfo_read(debuginfo, DEBUG_LINE, offset, bytes, cursor_left(&cursor));
	if (err)
		return err;
	len = cursor_number(&cursor, 4);
	if (len == 0xffffffff)
		len = cursor_number(&cursor, 8);
	if (cursor.bad || len > size - offset - (uint64_t)(cursor.at - bytes))
		return -EBADMSG;
	*ret_bytes = len + (uint64_t)(cursor.at - bytes);
	return *ret_bytes > LINES_MAX_BYTES ? -E2BIG : 0;
}

int lines_read(struct debuginfo *debuginfo, const struct image *code, uint64_t offset,
	       uint32_t directory, struct lines *lines)
{
	own(freep) uint8_t *program = NULL;
	struct line_header header = { 0 };
	struct machine machine = { debuginfo, code, &header, lines };
	struct cursor cursor;
	uint64_t bytes;
	int err = program_bytes(debuginfo, offset, &bytes);

	if (err)
		return err;
	program = malloc(bytes);
	if (!program)
		return -ENOMEM;
	err = debuginfo_read(debuginfo, DEBUG_LINE, offset, program, bytes);
	if (err)
		return err;
	cursor = (struct cursor){ program, program + bytes, false };
	lines->directory = directory;
	err = lines_header_read(debuginfo, &cursor, offset, &header, lines);
	err = err ?: run(&machine, &cursor);
	err = err ?: order_sequences(&machine);
	vec_done(&machine.sequences);
	if (!err)
		trim(lines);
	return err;
}

void lines_done(struct lines *lines)
{
	vec_done(&lines->rows);
	vec_done(&lines->files);
}

const struct line_row *lines_find(const struct lines *lines, uint32_t address)
{
	const struct line_row *at = lines->rows.data;

	if (!lines->rows.len)
		return NULL;
	for (size_t len = lines->rows.len; len > 1;) {
		size_t half = len / 2;

		at += at[half].start <= address ? half : 0;
		len -= half;
	}
	return at->start <= address && at->file != LINES_NO_FILE ? at : NULL;
}

/* Appends "/" and a text to a path.  Return: its new length; -errno */
static int append(const struct debuginfo *debuginfo, uint32_t text, char *path, size_t size,
		  int len)
{
	char piece[4096];
	int got;

	if (text == DEBUGINFO_NO_TEXT)
		return len;
	got = debuginfo_text(debuginfo, text, piece, sizeof(piece));
	if (got <= 0)
		return got ?: len;
	if (piece[0] == '/')
		len = 0; /* absolute: what came before does not count */
	len = snprintf(path + len, size - (size_t)len, "%s%s",
		       len && path[len - 1] != '/' ? "/" : "", piece) +
	      len;
	return len < (int)size ? len : (int)size - 1;
}

int lines_path(const struct debuginfo *debuginfo, const struct lines *lines, uint32_t file,
	       char *path, size_t size)
{
	const struct line_file *entry;
	int len = 0;

	if (file < lines->first_file || file - lines->first_file >= lines->files.len)
		return -ENOENT;
	entry = &lines->files.data[file - lines->first_file];
	path[0] = '\0';
	len = append(debuginfo, lines->directory, path, size, len);
	if (len >= 0 && entry->directory != lines->directory)
		len = append(debuginfo, entry->directory, path, size, len);
	if (len >= 0)
		len = append(debuginfo, entry->name, path, size, len);
	return len;
}

size_t lines_bytes(const struct lines *lines)
{
	return lines->rows.cap * sizeof(*lines->rows.data) +
	       lines->files.cap * sizeof(*lines->files.data);
}
