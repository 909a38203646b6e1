/* SPDX-License-Identifier: MIT */
/* picture.h - the frames of a flame graph as SVG shapes; for show/ only.
 *
 * Root at the top, one row a level, the heaviest child at the left.  What is narrower than a pixel
 * shares grey bars as wide as all of it, on every level that it has, in runs of at most 16 pixels:
 * the eye sees how deep the stacks go and where, though not which functions.
 */
#ifndef SHOW_PICTURE_H
#define SHOW_PICTURE_H

#include "report/flame.h"

#define PICTURE_ROW    18 /* pixels a level */
#define PICTURE_MARGIN 10 /* pixels left and right */

struct picture {
	FILE *out;
	const struct flame *flame; /* sorted by weight */
	double width;              /* of the root, pixels */
	unsigned top;              /* of the root's row, pixels */
	uint64_t small;            /* out: functions that had no room of their own */
};

/** picture_put - write the frames.  Return: 0; -ENOMEM. */
nodiscard int picture_put(struct picture *picture);

/** picture_class - the style of a function: its kind, and a hue that stays with its module */
struct picture_class {
	char name[4];
} picture_class(const struct flame *flame, const struct flame_function *function);

#endif
