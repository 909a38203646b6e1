/* SPDX-License-Identifier: MIT */
/* bare_code_other.c - where Zydis is no part of the program: no gap is read, as on any processor but x86-64. */
#include "elf/bare_code.h"

struct bare_code bare_code_find(const struct image *image)
{
	(void)image;
	return (struct bare_code){ 0 };
}

int bare_code_rows(const struct bare_code *bare, const struct image *image, uint64_t start,
		   uint64_t end, struct cfi_rows *rows)
{
	(void)bare, (void)image, (void)start, (void)end, (void)rows;
	return 0;
}
