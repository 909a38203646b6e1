/* SPDX-License-Identifier: MIT */
/* gopclntab.h - the functions of a Go program, which it carries for itself even when it is stripped.
 *
 *     header: magic, pad pad quantum pointer, then words of 8 bytes:
 *             nfunc nfiles textStart funcnameOffset cuOffset filetabOffset pctabOffset pclnOffset
 *     pcln:   nfunc times { u32 entry, u32 record }, then { u32 end }
 *     record: u32 entry, i32 name (into the names), ...        entries are behind textStart
 *
 * As Go 1.18 and later write it, for little-endian processors of 64 bits.
 */
#ifndef ELF_GOPCLNTAB_H
#define ELF_GOPCLNTAB_H

#include "elf/image.h"

#define GOPCLNTAB_MAX_FUNCTIONS (1u << 20)  /* the largest programs have 200,000 */
#define GOPCLNTAB_MAX_BYTES     (64u << 20) /* of each part that is read */

struct go_function {
	const char *name; /* "main.(*Server).ServeHTTP"; valid during the call */
	uint64_t start, end;
};

typedef int go_function_fn(void *context, const struct go_function *function);

/** gopclntab_has - whether the file is a Go program */
bool gopclntab_has(const struct image *image);

/**
 * gopclntab_each - every function, by address
 * @text: where the code begins, for files that do not say it themselves; 0: not known
 * @each: returns 0 to go on
 *
 * Return: 0; what @each returned; -ENOENT no Go program; -ENOTSUP a layout of another version, or it
 * does not say where its code begins; -EBADMSG it contradicts itself; -E2BIG; -ENOMEM; -errno.
 */
nodiscard int gopclntab_each(const struct image *image, uint64_t text, go_function_fn *each,
			     void *context);

/**
 * gopclntab_names - whether a name occurs in the table of names, be it only as that of a function
 * which was inlined everywhere
 *
 * Return: 1 or 0; the errors of gopclntab_each().
 */
nodiscard int gopclntab_names(const struct image *image, const char *name);

/**
 * gopclntab_version - with which Go the program was built: 1019 for go1.19
 *
 * Return: above 0; 0 when it does not say so.
 */
unsigned gopclntab_version(const struct image *image);

#endif
