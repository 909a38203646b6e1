/* SPDX-License-Identifier: MIT */
/* format.h - which format a profile is written in: by its name, or by that of the file. */
#ifndef CMD_FORMAT_H
#define CMD_FORMAT_H

#include "show/sinks.h"

/** format_find - by name; NULL if there is none */
const struct sink *format_find(const char *name);

/** format_for_file - a file name says its format: the longest suffix that fits; else @otherwise */
const struct sink *format_for_file(const char *path, const struct sink *otherwise);

/** format_check - whether it may go there.  Return: 0; -EINVAL it is no text for a terminal, with fail() said */
nodiscard int format_check(const struct sink *sink, const char *path);

#endif
