/* SPDX-License-Identifier: MIT */
/* collector.c - the table of collectors; the build writes collectors.inc, one COLLECTOR(name) for each
 * folder that holds a row.
 */
#include "collect/collector.h"

#include <string.h>

#define COLLECTOR(name) extern const struct collector collector_##name;
#include "collect/collectors.inc"
#undef COLLECTOR

const struct collector *const collectors[] = {
#define COLLECTOR(name) &collector_##name,
#include "collect/collectors.inc"
#undef COLLECTOR
	NULL,
};

const struct collector *collector_find(const char *name)
{
	for (const struct collector *const *one = collectors; *one; one++)
		if (strcmp((*one)->name, name) == 0)
			return *one;
	return NULL;
}
