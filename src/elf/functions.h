/* SPDX-License-Identifier: MIT */
/* functions.h - the functions of a file by name: a word, a glob, as C++, Rust and Go write them.
 *
 * The tables are read through and only what matches is kept, so a browser costs no more memory than
 * its names take while they are read.  A name matches as it stands in the table, without its version,
 * without what a compiler appends to a clone of the whole function (NAME.constprop.0), and demangled.
 * Where a name equals the pattern, globs that match others count no more: Go has `*` in its names.
 */
#ifndef ELF_FUNCTIONS_H
#define ELF_FUNCTIONS_H

#include "elf/image.h"

#define FUNCTIONS_MAX      65536u      /* that one pattern can match */
#define FUNCTIONS_MAX_TEXT (32u << 20) /* bytes of their names */

struct function {
	uint32_t name;           /* in functions.text: as people write it */
	uint32_t symbol;         /* likewise: as the table has it */
	struct image_range body; /* empty where its length is not known */
	struct image_range cold; /* what was moved elsewhere; empty: nothing */
	bool is_go;
	bool is_exact; /* its name is the pattern */
};

struct functions {
	vec(struct function) list; /* by address, each address once */
	vec(char) text;
	uint64_t dropped; /* above a ceiling */
	uint32_t
		resolvers; /* that matched and are no functions: they choose one when a program starts */
};

/**
 * functions_find - add those that match
 * @mini: what .gnu_debugdata held; NULL: none
 *
 * Return: 0, also when nothing matches; -EBADMSG, -ENODATA, -E2BIG damaged tables; -ENOTSUP a Go
 * program of a version that is not known; -ENOMEM; -errno.  functions_done() in any case.
 */
nodiscard int functions_find(const struct image *image, const struct image *mini,
			     const char *pattern, struct functions *functions);
void functions_done(struct functions *functions);

/** functions_text - a name by its number */
const char *functions_text(const struct functions *functions, uint32_t name);

/**
 * functions_nearest - the name spelt most like a word
 *
 * Return: whether one is near; then @text holds it.
 */
bool functions_nearest(const struct image *image, const struct image *mini, const char *word,
		       char *text, size_t size);

#endif
