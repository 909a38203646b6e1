/* SPDX-License-Identifier: MIT */
/* svg.h - a flame graph as a part of something else; for show/ only. */
#ifndef SHOW_SVG_H
#define SHOW_SVG_H

#include "model/sink.h"

/**
 * svg_put - the flame graph of a profile
 * @nonce: of the HTML page that it goes into, one to a page; NULL: it is a file of its own
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int svg_put(FILE *out, const struct profile *profile, const struct sink_options *options,
		      const char *nonce);

#endif
