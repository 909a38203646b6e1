/* SPDX-License-Identifier: MIT */
#include "elf/members.h"

#include <dwarf.h>
#include <string.h>

#define NAME_BYTES  256
#define CHECK_STEPS 256u

struct search {
	struct debuginfo *debuginfo;
	struct member_wanted *wanted;
	size_t count, left; /* how many are not found yet */
	unsigned steps;
};

static int check_steps(struct search *search)
{
	return ++search->steps % CHECK_STEPS ? 0 : debuginfo_check_time(search->debuginfo);
}

/* Return: whether the entry has a name. */
static bool read_name(const struct search *search, Dwarf_Die *die, char name[NAME_BYTES])
{
	uint32_t text = debuginfo_text_of(search->debuginfo, die, DW_AT_name);

	return text != DEBUGINFO_NO_TEXT &&
	       debuginfo_text(search->debuginfo, text, name, NAME_BYTES) > 0;
}

static bool is_wanted(const struct search *search, const char *type)
{
	for (size_t i = 0; i < search->count; i++)
		if (search->wanted[i].offset == MEMBERS_UNKNOWN &&
		    strcmp(search->wanted[i].type, type) == 0)
			return true;
	return false;
}

static void take_member(struct search *search, const char *type, Dwarf_Die *member)
{
	Dwarf_Attribute attribute;
	Dwarf_Word offset;
	char name[NAME_BYTES];

	if (!dwarf_attr(member, DW_AT_data_member_location, &attribute) ||
	    dwarf_formudata(&attribute, &offset) != 0 || offset > INT32_MAX ||
	    !read_name(search, member, name))
		return;
	for (size_t i = 0; i < search->count; i++) {
		struct member_wanted *one = &search->wanted[i];

		if (one->offset != MEMBERS_UNKNOWN || strcmp(one->type, type) != 0 ||
		    strcmp(one->name, name) != 0)
			continue;
		one->offset = (int32_t)offset;
		search->left--;
	}
}

static int search_type(struct search *search, Dwarf_Die *die)
{
	char type[NAME_BYTES];
	Dwarf_Die child;
	int got, err = 0;

	if (!read_name(search, die, type) || !is_wanted(search, type))
		return 0;
	for (got = dwarf_child(die, &child); !err && got == 0;
	     got = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) == DW_TAG_member)
			take_member(search, type, &child);
		err = check_steps(search);
	}
	return err ?: got < 0 ? -EBADMSG : 0;
}

/* Types of Go and C stand in the unit itself, not in a name space. */
static int search_unit(struct search *search, uint32_t unit)
{
	Dwarf_Die root, die;
	int got, err = debuginfo_root(search->debuginfo, unit, &root);

	err = err ?: debuginfo_fill_unit(search->debuginfo, unit);
	if (err)
		return err;
	for (got = dwarf_child(&root, &die); !err && search->left && got == 0;
	     got = dwarf_siblingof(&die, &die)) {
		if (dwarf_tag(&die) == DW_TAG_structure_type)
			err = search_type(search, &die);
		err = err ?: check_steps(search);
	}
	return err ?: got < 0 ? -EBADMSG : 0;
}

/* A unit that contradicts itself is passed over. */
static int search_units(struct search *search)
{
	int err = 0;

	for (uint32_t i = 0; !err && search->left && i < search->debuginfo->units.len; i++) {
		debuginfo_start(search->debuginfo);
		err = debuginfo_check_time(search->debuginfo);
		err = err ?: search_unit(search, i);
		debuginfo_forget(search->debuginfo);
		debuginfo_stop(search->debuginfo);
		err = err == -EBADMSG ? 0 : err;
	}
	return err;
}

int members_find(const struct image *image, const struct debuginfo_limits *limits,
		 struct member_wanted *wanted, size_t count)
{
	own(debuginfo_closep) struct debuginfo *debuginfo = NULL;
	struct search search = { .wanted = wanted, .count = count, .left = count };
	int err = debuginfo_open(image, limits, &debuginfo);

	for (size_t i = 0; i < count; i++)
		wanted[i].offset = MEMBERS_UNKNOWN;
	search.debuginfo = debuginfo;
	return err ?: search_units(&search);
}
