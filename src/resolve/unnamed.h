/* SPDX-License-Identifier: MIT */
/* unnamed.h - the frames that have no name yet, brought together by where they lie.
 *
 * A host's profile has hundreds of thousands of them in a few hundred files.  In the order of their
 * addresses, neighbours share a function, a compile unit and what the processor has at hand.
 */
#ifndef RESOLVE_UNNAMED_H
#define RESOLVE_UNNAMED_H

#include "base/vec.h"

struct unnamed {
	uint64_t group; /* kind << 32 | origin of a struct frame */
	uint64_t address;
	uint32_t frame; /* its number */
};

struct unnamed_list {
	vec(struct unnamed) frames;
};

/** unnamed_sort - by group, then by address, else as entered.  Return: 0; -ENOMEM */
nodiscard int unnamed_sort(struct unnamed_list *list);

#endif
