/* SPDX-License-Identifier: MIT */
/* members.h - where structures have their members, from the DWARF of a program. */
#ifndef ELF_MEMBERS_H
#define ELF_MEMBERS_H

#include "elf/debuginfo.h"

#define MEMBERS_UNKNOWN (-1)

struct member_wanted {
	const char *type, *name; /* "net/http.Request", "Method" */
	int32_t offset;          /* in bytes; MEMBERS_UNKNOWN */
};

/**
 * members_find - fill in the offsets of members
 * @image: the file that has .debug_info
 * @wanted: all `offset`s are set, those of members that were not found to MEMBERS_UNKNOWN, on failure too
 *
 * Of types of the same name the first one that has the member counts.  Bit fields have no offset.
 *
 * Return: 0; -ENOENT when there is no .debug_info; -ETIME, -E2BIG a limit was reached; -EBADMSG;
 * -ENOMEM; -errno.
 */
nodiscard int members_find(const struct image *image, const struct debuginfo_limits *limits,
			   struct member_wanted *wanted, size_t count);

#endif
