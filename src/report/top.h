/* SPDX-License-Identifier: MIT */
/* top.h - functions by the time spent in them, alone and with what they called.
 *
 * Recursion counts once: a function that stands several times on one stack has that stack's time
 * in its total one time.  The self times of all rows add up to the whole profile.
 */
#ifndef REPORT_TOP_H
#define REPORT_TOP_H

#include "report/flame.h"

struct top_row {
	uint32_t function; /* of the tree */
	uint64_t samples, ns;
	uint64_t self_samples, self_ns;
};

struct top {
	vec(struct top_row) rows; /* most self time first, then most total, then by name */
};

/**
 * top_build - the functions of a tree
 * @flame: not yet trimmed: what was cut off is in no row
 *
 * Return: 0; -ENOMEM.  Either way top_done() releases.
 */
nodiscard int top_build(struct top *top, const struct flame *flame);
void top_done(struct top *top);

#endif
