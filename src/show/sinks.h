/* SPDX-License-Identifier: MIT */
/* sinks.h - the formats for a person: on the terminal or in a file. */
#ifndef SHOW_SINKS_H
#define SHOW_SINKS_H

#include "model/sink.h"

extern const struct sink show_tree, show_folded, show_extended_folded, show_table, show_json,
	show_svg;

/* All of them, closed by NULL. */
extern const struct sink *const show_sinks[];

#endif
