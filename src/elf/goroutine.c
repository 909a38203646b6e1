/* SPDX-License-Identifier: MIT */
#include "elf/goroutine.h"

#include <elf.h>

#include "elf/gopclntab.h"

#define WORD_BYTES 8

bool goroutine_offset(const struct image *image, int32_t *ret_offset)
{
	uint64_t bytes = 0;

	if (image->machine != EM_X86_64 || !image->is_64)
		return false;
	vec_each(section, &image->sections)
		if (section->flags & SHF_TLS)
			bytes += section->size;
	if (bytes && bytes != WORD_BYTES)
		return false;
	*ret_offset = -WORD_BYTES;
	return true;
}

/* As read from Go's own sources; newer ones are not known. */
uint8_t goroutine_number_words(const struct image *image)
{
	unsigned version = gopclntab_version(image);

	if (version >= 1017 && version <= 1022)
		return 152 / WORD_BYTES;
	return version == 1023 || version == 1024 ? 160 / WORD_BYTES : 0;
}
