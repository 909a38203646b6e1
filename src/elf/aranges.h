/* SPDX-License-Identifier: MIT */
/* aranges.h - .debug_aranges: which addresses belong to which compile unit. */
#ifndef ELF_ARANGES_H
#define ELF_ARANGES_H

#include "elf/debuginfo.h"
#include "elf/spans.h"

#define ARANGES_MAX_BYTES (16u << 20)

/**
 * aranges_read - add the ranges of all units that the section lists
 * @code:     says what is code, and the base
 * @spans:    receives them; value: number of the unit
 * @listed:   by unit: set to 1 where the section names it
 *
 * Damage ends the reading; what was read stays.
 * Return: 0, also when there is no such section; -ENOMEM; -errno of pread().
 */
nodiscard int aranges_read(const struct debuginfo *debuginfo, const struct image *code,
			   struct spans *spans, uint8_t *listed);

#endif
