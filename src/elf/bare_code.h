/* SPDX-License-Identifier: MIT */
/* bare_code.h - rules of code that no call frame information describes, from its instructions.
 *
 * Every binary has some: .init, .fini, and what crtbegin.o puts into .text.  It is short, its functions
 * follow each other, and each is read through once: how far the stack has grown since its first
 * instruction, and where rbp was pushed.  What changes the stack pointer otherwise ends it, and code that is
 * reached in a way that cannot be told; a jump back that contradicts what was read voids all.  Where the
 * program begins nobody called: the dynamic loader has no information there either.  x86-64 only.
 *
 * Foreign bytes: BARE_CODE_MAX bytes and targets at most.
 */
#ifndef ELF_BARE_CODE_H
#define ELF_BARE_CODE_H

#include "elf/cfi.h"

#define BARE_CODE_MAX      512u /* bytes of a gap: crtbegin.o has some 200 */
#define BARE_CODE_PADDING  15u  /* bytes of a gap between functions that hold none */
#define BARE_CODE_SECTIONS 3u

struct bare_code {
	struct image_range sections[BARE_CODE_SECTIONS]; /* ascending */
	unsigned count;
};

/** bare_code_find - the sections into which crti.o and crtbegin.o put code */
struct bare_code bare_code_find(const struct image *image);

/**
 * bare_code_rows - append the rows of a gap between functions that are described
 * @start: a function begins there, or the next section does
 *
 * Appends nothing where the gap is too long or only padding, the processor is another, or the bytes are not
 * there.  Return: 0; -ENOMEM.
 */
nodiscard int bare_code_rows(const struct bare_code *bare, const struct image *image,
			     uint64_t start, uint64_t end, struct cfi_rows *rows);

#endif
