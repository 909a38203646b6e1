/* SPDX-License-Identifier: MIT */
/* debuginfo_units.h - the part of debuginfo that lists units; for debuginfo.c only. */
#ifndef ELF_DEBUGINFO_UNITS_H
#define ELF_DEBUGINFO_UNITS_H

#include "elf/debuginfo.h"

/** debuginfo_list_units - fill `units`.  Return: 0; -E2BIG; -errno of pread(); -ENOMEM */
nodiscard int debuginfo_list_units(struct debuginfo *debuginfo);

#endif
