/* SPDX-License-Identifier: MIT */
/* inlined.h - how often a function was inlined, by its name: what probes at its own code never see. */
#ifndef ELF_INLINED_H
#define ELF_INLINED_H

#include "elf/debuginfo.h"

/**
 * inlined_count - places of a function in code of others
 * @debug: the file that has .debug_info; @code: the executable
 * @name:  as the linker knows it, or as its source writes it without name spaces
 * @ret_count: also set on failure, to what was found until then
 *
 * Return: 0; -ENOENT when there is no .debug_info; -ETIME, -E2BIG a limit was reached; -EBADMSG;
 * -ENOMEM; -errno.
 */
nodiscard int inlined_count(const struct image *debug, const struct image *code,
			    const struct debuginfo_limits *limits, const char *name,
			    uint32_t *ret_count);

#endif
