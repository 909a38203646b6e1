/* SPDX-License-Identifier: MIT */
/* format.h - numbers and names as a person reads them.
 *
 * Numbers come back by value: printf("%s", format_count(n).text) is good until the statement ends.
 */
#ifndef SHOW_FORMAT_H
#define SHOW_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/own.h"
#include "model/profile.h"

struct formatted {
	char text[32];
};

/** format_count - 1234567 as "1,234,567" */
struct formatted format_count(uint64_t count);

/** format_ns - a time span, three digits that matter: "812 ns", "10.1 ms", "2.31 s", "3 m 12 s" */
struct formatted format_ns(uint64_t ns);

/** format_bytes - a size in powers of 1024, three digits that matter: "812 B", "10.1 MiB" */
struct formatted format_bytes(uint64_t bytes);

/** format_pct - "23.4 %", "100 %", "< 0.1 %"; exactly nothing is "0 %" */
struct formatted format_pct(double pct);

/** format_columns - terminal columns of UTF-8 text: 2 for East Asian wide ones, 0 for combining */
size_t format_columns(const char *text);

/**
 * format_label - a foreign name made harmless and short enough
 * @max: columns; 0: as long as it is
 *
 * What is too long loses, as far as needed, the contents of "(...)", then those of "<...>", then
 * its end; an ellipsis stands for what went.
 * Return: 0 with text for the caller to free; -ENOMEM.
 */
nodiscard int format_label(const char *name, size_t max, char **ret_label);

/** format_headline - "10.0 s at 99 Hz on 2 CPUs, 1,980 samples, 19.8 s of CPU time" */
void format_headline(FILE *out, const struct profile *profile);

/**
 * format_mode - how it was measured: "bpf, timer tick"; nothing where that is not known
 * @put: writes foreign text, escaped for the format at hand
 */
void format_mode(FILE *out, const struct profile *profile,
		 void (*put)(FILE *out, const char *text));

/** format_lost - "nothing lost", or "lost 12 (samples: ring buffer full)" */
void format_lost(FILE *out, const struct profile *profile,
		 void (*put)(FILE *out, const char *text));

/**
 * format_wrapped - a foreign text made harmless, broken at blanks
 * @indent: columns in front of every line but the first, whose stand there already
 * @width: columns that a line may fill; 0: any
 *
 * Ends without a newline.  A word longer than the line stands out.
 * Return: 0; -ENOMEM.
 */
nodiscard int format_wrapped(FILE *out, const char *text, size_t indent, size_t width);

/**
 * format_put_ascii - UTF-8 text for a terminal that shows only ASCII
 *
 * Lines and bars of the tree become what looks like them, column for column; an ellipsis is "..";
 * any other character is \uXXXX.
 */
void format_put_ascii(FILE *out, const char *text);

#endif
