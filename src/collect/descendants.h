/* SPDX-License-Identifier: MIT */
/* descendants.h - a process and the ones that it, and they, have started and that still run. */
#ifndef COLLECT_DESCENDANTS_H
#define COLLECT_DESCENDANTS_H

#include <stdint.h>

#include "base/own.h"

#define DESCENDANTS_MAX 4096

/**
 * descendants_each - the process itself first
 * @each: 0 to go on; else what descendants_each() returns
 *
 * Return: 0; -E2BIG more than DESCENDANTS_MAX, with fail() said; -ENOMEM.
 */
nodiscard int descendants_each(uint32_t pid, int (*each)(void *context, uint32_t pid),
			       void *context);

#endif
