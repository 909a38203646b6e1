/* SPDX-License-Identifier: MIT */
/* held.h - whole answers in memory that their clients have yet to take, whatever they came by.
 *
 * Ceiling: [http] max_waiting_bytes for all of them together.  Beyond it the one whose client has read nothing for
 * the longest is dropped, and counted; the newest never is.  Of the loop's thread.
 */
#ifndef SERVE_HELD_H
#define SERVE_HELD_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct held;

struct held_totals {
	uint64_t bytes, count; /* now */
	uint64_t dropped;
};

struct helds {
	uint64_t max_bytes;
	vec(struct held *) list;
	struct held_totals totals;
};

/* Zero before held_add() and after held_remove(). */
struct held {
	struct helds *all; /* NULL: it is not held */
	size_t bytes;
	uint64_t moved_mono_ns;          /* when its client read last */
	void (*drop)(struct held *held); /* its memory should go; it is held no more */
};

void helds_init(struct helds *all, uint64_t max_bytes);
void helds_done(struct helds *all);

/** held_add - @held is the caller's, with its bytes and drop().  Return: 0; -ENOMEM */
nodiscard int held_add(struct helds *all, struct held *held);

/** held_moved - its client has read some of it */
void held_moved(struct held *held);

/** held_remove - accepts one that is not held */
void held_remove(struct held *held);

#endif
