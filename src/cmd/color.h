/* SPDX-License-Identifier: MIT */
/* color.h - what the terminal shows: colours, characters, columns; asked in one place. */
#ifndef CMD_COLOR_H
#define CMD_COLOR_H

#include <stdio.h>

#include "cmd/arguments.h"

/**
 * color_wanted - by --color; with `auto` where @out is a terminal that knows colours
 *
 * NO_COLOR set to anything but nothing (no-color.org) and TERM=dumb turn `auto` off.
 */
bool color_wanted(const struct arguments *arguments, FILE *out);

/** locale_is_utf8 - whether a terminal shows more than ASCII, by the environment */
bool locale_is_utf8(void);

/** terminal_width - columns; 0 when it is no terminal, then lines are as long as they come */
unsigned terminal_width(FILE *out);

#endif
