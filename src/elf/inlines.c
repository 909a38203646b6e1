/* SPDX-License-Identifier: MIT */
#include "elf/inlines.h"

#include <string.h>

#include "elf/aranges.h"
#include "elf/inlines_unit.h"

#define CHECK_UNITS 64u

enum unit_state {
	UNIT_UNREAD,
	UNIT_READ,
	UNIT_BROKEN,
	UNIT_REFUSED
};

struct inlines {
	const struct image *code;
	struct debuginfo *debuginfo;
	struct spans units;           /* value: unit */
	struct inlines_unit *indexes; /* by unit */
	uint8_t *states;              /* by unit: enum unit_state */
	uint32_t refused;
	size_t bytes, max_bytes; /* of the indexes */
};

/* Errors of a limit, as opposed to those of damaged data. */
static bool is_limit(int err)
{
	return err == -E2BIG || err == -ETIME;
}

/* The ranges of a unit that .debug_aranges does not list, from its first entry. */
static int add_root_ranges(struct inlines *inlines, uint32_t unit)
{
	const struct image *code = inlines->code;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	Dwarf_Die root;
	int err = debuginfo_root(inlines->debuginfo, unit, &root);

	if (err == -EBADMSG)
		return 0;
	while (!err && (at = dwarf_ranges(&root, at, &base, &start, &end)) > 0) {
		if (start < end && start >= code->base && end - code->base <= UINT32_MAX &&
		    image_code_at(code, start))
			err = vec_push(&inlines->units, { (uint32_t)(start - code->base),
							  (uint32_t)(end - code->base), unit });
		if (!err && inlines->units.len % CHECK_UNITS == 0)
			err = debuginfo_check_time(inlines->debuginfo);
	}
	return err;
}

static int find_ranges(struct inlines *inlines)
{
	struct debuginfo *debuginfo = inlines->debuginfo;
	int err = aranges_read(debuginfo, inlines->code, &inlines->units, inlines->states);

	for (uint32_t i = 0; !err && i < debuginfo->units.len; i++) {
		if (!inlines->states[i])
			err = add_root_ranges(inlines, i);
		inlines->states[i] = UNIT_UNREAD;
		if (!err && i % CHECK_UNITS == 0) {
			debuginfo_forget(debuginfo);
			err = debuginfo_check_time(debuginfo);
		}
	}
	if (is_limit(err)) {
		inlines->refused++; /* at least one: those that follow are not known */
		memset(inlines->states, UNIT_UNREAD, debuginfo->units.len);
		err = 0;
	}
	debuginfo_forget(debuginfo);
	err = err ?: spans_sort(&inlines->units);
	return err ?: spans_flatten(&inlines->units);
}

int inlines_new(const struct image *debug, const struct image *code,
		const struct debuginfo_limits *limits, struct inlines **ret_inlines)
{
	own(inlines_freep) struct inlines *inlines = calloc(1, sizeof(*inlines));
	int err;

	if (!inlines)
		return -ENOMEM;
	inlines->code = code;
	inlines->max_bytes = limits->bytes;
	err = debuginfo_open(debug, limits, &inlines->debuginfo);
	if (err)
		return err;
	inlines->indexes = calloc(inlines->debuginfo->units.len + 1, sizeof(*inlines->indexes));
	inlines->states = calloc(inlines->debuginfo->units.len + 1, sizeof(*inlines->states));
	if (!inlines->indexes || !inlines->states)
		return -ENOMEM;
	debuginfo_start(inlines->debuginfo);
	err = find_ranges(inlines);
	debuginfo_stop(inlines->debuginfo);
	if (err)
		return err;
	if (inlines->debuginfo->is_incomplete)
		inlines->refused++;
	*ret_inlines = take(inlines);
	return 0;
}

void inlines_free(struct inlines *inlines)
{
	if (!inlines)
		return;
	for (size_t i = 0; inlines->indexes && i < inlines->debuginfo->units.len; i++)
		inlines_unit_done(&inlines->indexes[i]);
	free(inlines->indexes);
	free(inlines->states);
	spans_done(&inlines->units);
	debuginfo_close(inlines->debuginfo);
	free(inlines);
}

/* Builds the index of a unit.  Return: 0, whatever came of it; -ENOMEM */
static int read_unit(struct inlines *inlines, uint32_t unit)
{
	struct inlines_unit *index = &inlines->indexes[unit];
	int err = inlines->bytes < inlines->max_bytes ? 0 : -E2BIG;

	debuginfo_start(inlines->debuginfo);
	err = err ?: debuginfo_check_time(inlines->debuginfo);
	err = err ?: inlines_unit_read(inlines->debuginfo, inlines->code, unit, index);
	debuginfo_forget(inlines->debuginfo);
	debuginfo_stop(inlines->debuginfo);
	if (err) {
		inlines_unit_done(index);
		inlines->states[unit] = is_limit(err) ? UNIT_REFUSED : UNIT_BROKEN;
		inlines->refused += is_limit(err);
		return err == -ENOMEM ? err : 0;
	}
	inlines->states[unit] = UNIT_READ;
	inlines->refused += index->cut;
	inlines->bytes += inlines_unit_bytes(index);
	return 0;
}

/* Writes the functions from the innermost node outwards, then turns them round. */
static void fill_chain(const struct inlines_unit *index, uint32_t address,
		       struct inline_chain *chain)
{
	const struct span *span = spans_find(&index->spans, address);
	const struct line_row *row = lines_find(&index->lines, address);
	struct inline_frame frame = { DEBUGINFO_NO_TEXT, row ? row->file : LINES_NO_FILE,
				      row ? row->line : 0 };
	uint32_t node = span ? span->value : INLINES_NO_NODE;

	while (node < index->nodes.len && chain->len < INLINES_MAX_DEPTH) {
		const struct inline_node *at = &index->nodes.data[node];

		frame.name = at->name;
		chain->frames[chain->len++] = frame;
		frame = (struct inline_frame){ DEBUGINFO_NO_TEXT, at->call_file, at->call_line };
		node = at->parent;
	}
	if (!span && row)
		chain->frames[chain->len++] = frame;
	for (uint32_t i = 0; i < chain->len / 2; i++) {
		frame = chain->frames[i];
		chain->frames[i] = chain->frames[chain->len - 1 - i];
		chain->frames[chain->len - 1 - i] = frame;
	}
}

int inlines_find(struct inlines *inlines, uint64_t address, struct inline_chain *ret_chain)
{
	uint64_t relative = address - inlines->code->base;
	const struct span *unit;
	int err = 0;

	ret_chain->len = 0;
	if (address < inlines->code->base || relative > UINT32_MAX)
		return 0;
	unit = spans_find(&inlines->units, (uint32_t)relative);
	if (!unit)
		return 0;
	if (inlines->states[unit->value] == UNIT_UNREAD)
		err = read_unit(inlines, unit->value);
	if (inlines->states[unit->value] != UNIT_READ)
		return err;
	ret_chain->unit = unit->value;
	fill_chain(&inlines->indexes[unit->value], (uint32_t)relative, ret_chain);
	return 0;
}

int inlines_name(const struct inlines *inlines, uint32_t name, char *text, size_t size)
{
	return debuginfo_text(inlines->debuginfo, name, text, size);
}

int inlines_source(const struct inlines *inlines, uint32_t unit, uint32_t file, char *path,
		   size_t size)
{
	return lines_path(inlines->debuginfo, &inlines->indexes[unit].lines, file, path, size);
}

uint32_t inlines_refused(const struct inlines *inlines)
{
	return inlines->refused;
}

size_t inlines_bytes(const struct inlines *inlines)
{
	return sizeof(*inlines) + inlines->bytes + inlines->debuginfo->resident +
	       inlines->debuginfo->units.len *
		       (sizeof(*inlines->indexes) + sizeof(struct debuginfo_unit) + 1024) +
	       inlines->debuginfo->abbrevs * 80 + inlines->units.cap * sizeof(*inlines->units.data);
}
