/* SPDX-License-Identifier: MIT */
/* gaps.h - which addresses got no name, counted by where they lie, and why. */
#ifndef RESOLVE_GAPS_H
#define RESOLVE_GAPS_H

#include "model/profile.h"

#define GAPS_MAX_TOLD 8u /* sentences of their own; the rest is one sentence */

struct gap {
	char *where;        /* a path, or words that end a sentence */
	int err;            /* why what would name them could not be read; 0: it could */
	uint64_t addresses; /* without a name */
	uint64_t refused;   /* units of DWARF that were beyond a limit */
	enum frame_kind kind;
};

struct gaps {
	vec(struct gap) gaps;
};

/** gaps_add - count; the same `where` adds up.  Return: 0; -ENOMEM */
nodiscard int gaps_add(struct gaps *gaps, const struct gap *gap);

/** gaps_tell - one sentence for each of the largest gaps.  Return: 0; -ENOMEM */
nodiscard int gaps_tell(struct gaps *gaps, struct coverage *coverage);
void gaps_done(struct gaps *gaps);

#endif
