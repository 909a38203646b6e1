/* SPDX-License-Identifier: MIT */
#include "elf/inlines_unit.h"

#include <dwarf.h>

#define MAX_NESTING    512u   /* of entries; classes in namespaces in classes */
#define MAX_REFERENCES 16u    /* from a call to its function to its declaration: 2 or 3 */
#define MAX_RANGES     65536u /* of one entry */
#define CHECK_STEPS    256u
#define NAME_CACHE     1024u

/* What an open entry means for those inside of it. */
struct level {
	uint32_t node;   /* INLINES_NO_NODE: no function around */
	uint32_t depth;  /* calls inlined into each other so far */
	bool is_skipped; /* nothing in there has code */
};

/* Each function is inlined at many places: its name is looked for once. */
struct cached_name {
	uint64_t offset; /* of the function's entry; 0: empty */
	uint32_t name;
};

struct walk {
	struct debuginfo *debuginfo;
	const struct image *code;
	struct inlines_unit *index;
	bool enters_types;  /* languages that put functions with code into types */
	const uint8_t *end; /* of the unit */
	unsigned steps;
	uint32_t level;
	struct level levels[MAX_NESTING];
	struct cached_name names[NAME_CACHE];
};

static int check_steps(struct walk *walk)
{
	return ++walk->steps % CHECK_STEPS ? 0 : debuginfo_check_time(walk->debuginfo);
}

static uint32_t own_name(struct walk *walk, Dwarf_Die *die)
{
	uint32_t name = debuginfo_text_of(walk->debuginfo, die, DW_AT_linkage_name);

	if (name == DEBUGINFO_NO_TEXT)
		name = debuginfo_text_of(walk->debuginfo, die, DW_AT_MIPS_linkage_name);
	return name;
}

/* The name of a function: that of the linker if it or what it refers to has one, else the plain one.
 * Return: 0; -E2BIG, -ENOMEM, -errno of pread().  An absent name is no error.
 */
static int find_name(struct walk *walk, Dwarf_Die *die, uint32_t *ret_name)
{
	uint32_t plain = DEBUGINFO_NO_TEXT;
	Dwarf_Die at = *die;

	for (unsigned i = 0; i < MAX_REFERENCES; i++) {
		uint32_t name = own_name(walk, &at);
		Dwarf_Attribute attribute;
		Dwarf_Die next;
		int err;

		if (name != DEBUGINFO_NO_TEXT) {
			*ret_name = name;
			return 0;
		}
		if (plain == DEBUGINFO_NO_TEXT)
			plain = debuginfo_text_of(walk->debuginfo, &at, DW_AT_name);
		if (!dwarf_attr(&at, DW_AT_abstract_origin, &attribute) &&
		    !dwarf_attr(&at, DW_AT_specification, &attribute))
			break;
		err = debuginfo_follow(walk->debuginfo, &attribute, &next);
		if (err == -EBADMSG || err == -ENOENT || err == -ENODATA)
			break;
		if (err)
			return err;
		at = next;
	}
	*ret_name = plain;
	return 0;
}

/* find_name() of what a call or a copy of a function refers to, through the cache. */
static int find_origin_name(struct walk *walk, Dwarf_Die *die, uint32_t *ret_name)
{
	Dwarf_Attribute attribute;
	struct cached_name *cached;
	Dwarf_Die origin;
	uint64_t offset;
	int err;

	if (!dwarf_attr(die, DW_AT_abstract_origin, &attribute))
		return find_name(walk, die, ret_name);
	err = debuginfo_follow(walk->debuginfo, &attribute, &origin);
	if (err == -EBADMSG || err == -ENOENT || err == -ENODATA)
		return find_name(walk, die, ret_name);
	if (err)
		return err;
	offset = dwarf_dieoffset(&origin);
	cached = &walk->names[offset * 0x9e3779b97f4a7c15ull >> 54];
	if (cached->offset != offset) {
		err = find_name(walk, &origin, &cached->name);
		cached->offset = err ? 0 : offset;
	}
	if (!err)
		*ret_name = cached->name;
	return err;
}

static uint32_t number_of(Dwarf_Die *die, unsigned name, uint32_t otherwise)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0 ||
	    value >= UINT32_MAX)
		return otherwise;
	return (uint32_t)value;
}

/* Enters one range of a node, unless it is one of code that the linker removed (which is left at
 * address 0, or the highest).
 */
static int add_range(struct walk *walk, uint64_t start, uint64_t end)
{
	const struct image *code = walk->code;

	if (start >= end || start < code->base || end - code->base > UINT32_MAX ||
	    !image_code_at(code, start))
		return 0;
	return vec_push(&walk->index->spans,
			{ (uint32_t)(start - code->base), (uint32_t)(end - code->base),
			  (uint32_t)walk->index->nodes.len });
}

static int add_ranges(struct walk *walk, Dwarf_Die *die, bool *ret_any)
{
	size_t before = walk->index->spans.len;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	int err = 0;

	for (unsigned i = 0; !err && i < MAX_RANGES; i++) {
		at = dwarf_ranges(die, at, &base, &start, &end);
		if (at <= 0)
			break;
		err = check_steps(walk);
		err = err ?: add_range(walk, start, end);
	}
	*ret_any = walk->index->spans.len > before;
	return err;
}

/* Enters a function or an inlined call that has code. */
static int add_node(struct walk *walk, Dwarf_Die *die, int tag, struct level *level)
{
	struct inlines_unit *index = walk->index;
	struct inline_node node = { .parent = INLINES_NO_NODE, .call_file = LINES_NO_FILE };
	bool any;
	int err;

	if (tag == DW_TAG_subprogram) {
		*level = (struct level){ .node = INLINES_NO_NODE };
	} else if (level->node == INLINES_NO_NODE) {
		return 0; /* inlined into something without code */
	} else if (level->depth + 2 > INLINES_MAX_DEPTH) {
		index->cut = true; /* its code counts as its parent's */
		return 0;
	}
	err = add_ranges(walk, die, &any);
	if (err || !any)
		return err;
	err = find_origin_name(walk, die, &node.name);
	if (tag == DW_TAG_inlined_subroutine) {
		node.parent = level->node;
		node.call_file = number_of(die, DW_AT_call_file, LINES_NO_FILE);
		node.call_line = number_of(die, DW_AT_call_line, 0);
		level->depth++;
	}
	level->node = (uint32_t)index->nodes.len;
	return err ?: vec_push(&index->nodes, node);
}

/* Whether functions with code can be inside of an entry. */
static bool may_hold_code(const struct walk *walk, int tag)
{
	switch (tag) {
	case DW_TAG_compile_unit:
	case DW_TAG_partial_unit:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_common_block:
		return true;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_interface_type:
	case DW_TAG_variant_part:
	case DW_TAG_variant:
		return walk->enters_types;
	default:
		return false;
	}
}

/* Steps from an entry over its children, if any, to the next one in the file, leaving the levels
 * that end in between.
 *
 * Return: 1 with the next entry; 0 at the end of the unit; -EBADMSG.
 */
static int step_over(struct walk *walk, Dwarf_Die *die)
{
	Dwarf_Die next;
	const uint8_t *at;
	int got = dwarf_siblingof(die, &next);

	if (got < 0)
		return -EBADMSG;
	if (got == 0) {
		*die = next;
		return 1;
	}
	/* `next` is now at the null entry that ends the siblings, or nowhere at the unit's end. */
	for (at = next.addr; at && at < walk->end && walk->level > 0 && *at == 0; at++)
		walk->level--;
	if (!at || at >= walk->end || walk->level == 0)
		return 0;
	*die = (Dwarf_Die){ .addr = (void *)at, .cu = die->cu };
	return 1;
}

/* Steps into an entry, or over it if nothing in it has code.  Where the entry does not say where its
 * next sibling is, libdw would walk over all children to find it, with no look at the clock, and
 * again for every level around: so we walk in, and only look for the end.
 */
static int step(struct walk *walk, Dwarf_Die *die, int tag, struct level level)
{
	Dwarf_Die child;
	int got;

	level.is_skipped |= !may_hold_code(walk, tag);
	if (level.is_skipped && dwarf_hasattr(die, DW_AT_sibling))
		return step_over(walk, die);
	got = dwarf_child(die, &child);
	if (got < 0)
		return -EBADMSG;
	if (got > 0)
		return step_over(walk, die);
	if (walk->level + 1 >= MAX_NESTING)
		return -E2BIG;
	walk->levels[++walk->level] = level;
	*die = child;
	return 1;
}

static int walk_unit(struct walk *walk, Dwarf_Die root)
{
	Dwarf_Die die = root;
	int more = 1;

	walk->levels[0] = (struct level){ .node = INLINES_NO_NODE };
	while (more > 0) {
		struct level level = walk->levels[walk->level];
		int tag = dwarf_tag(&die), err = check_steps(walk);

		if (!err && !level.is_skipped &&
		    (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine))
			err = add_node(walk, &die, tag, &level);
		if (err)
			return err;
		more = step(walk, &die, tag, level);
	}
	return more;
}

/* C and C++ define functions beside their types, Rust, D, Swift and others also inside. */
static bool language_enters_types(Dwarf_Die *root)
{
	switch (dwarf_srclang(root)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_Mips_Assembler:
		return false;
	default:
		return true;
	}
}

static int read_lines(struct debuginfo *debuginfo, const struct image *code, Dwarf_Die *root,
		      struct lines *lines)
{
	uint32_t directory = debuginfo_text_of(debuginfo, root, DW_AT_comp_dir);
	Dwarf_Attribute attribute;
	Dwarf_Word offset;
	int err;

	if (!dwarf_attr(root, DW_AT_stmt_list, &attribute) ||
	    dwarf_formudata(&attribute, &offset) != 0)
		return 0;
	err = lines_read(debuginfo, code, offset, directory, lines);
	if (err == -EBADMSG || err == -ENODATA || err == -ENOTSUP) {
		lines_done(lines); /* the calls are worth having without their lines */
		return 0;
	}
	return err;
}

int inlines_unit_read(struct debuginfo *debuginfo, const struct image *code, uint32_t unit,
		      struct inlines_unit *index)
{
	own(freep) struct walk *walk = calloc(1, sizeof(*walk));
	Dwarf_Die root;
	int err;

	if (!walk)
		return -ENOMEM;
	err = debuginfo_root(debuginfo, unit, &root);
	err = err ?: debuginfo_fill_unit(debuginfo, unit);
	if (err)
		return err;
	walk->debuginfo = debuginfo;
	walk->code = code;
	walk->index = index;
	walk->end = debuginfo->layout + debuginfo->parts[DEBUG_INFO].at +
		    debuginfo->units.data[unit].end;
	walk->enters_types = language_enters_types(&root);
	err = read_lines(debuginfo, code, &root, &index->lines);
	err = err ?: walk_unit(walk, root);
	err = err ?: spans_sort(&index->spans);
	err = err ?: spans_flatten(&index->spans);
	return err;
}

void inlines_unit_done(struct inlines_unit *index)
{
	spans_done(&index->spans);
	vec_done(&index->nodes);
	lines_done(&index->lines);
}

size_t inlines_unit_bytes(const struct inlines_unit *index)
{
	return index->spans.cap * sizeof(*index->spans.data) +
	       index->nodes.cap * sizeof(*index->nodes.data) + lines_bytes(&index->lines);
}
