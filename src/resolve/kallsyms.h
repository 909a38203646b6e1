/* SPDX-License-Identifier: MIT */
/* kallsyms.h - the kernel's own symbols, from the text of /proc/kallsyms.
 *
 *     ffffffff81000000 T _text
 *     ffffffffc0201000 t nf_hook	[nf_tables]
 *
 * The text has no sizes: a function reaches to the next symbol of any kind, and no further than
 * KALLSYMS_MAX_FUNCTION, so that what lies between two modules gets no name.  Only functions are
 * kept, 8 bytes each and their names.  Read-only once built.
 */
#ifndef RESOLVE_KALLSYMS_H
#define RESOLVE_KALLSYMS_H

#include <stdbool.h>

#include "base/vec.h"

#define KALLSYMS_MAX_SYMBOLS  (1u << 20)
#define KALLSYMS_MAX_NAMES    (64u << 20) /* bytes */
#define KALLSYMS_MAX_FUNCTION (512u << 10)
#define KALLSYMS_NAME_BYTES   640u /* KSYM_NAME_LEN is 512, a module's name at most 56 */

struct kallsym {
	uint32_t start; /* relative to the lowest function */
	uint32_t name;  /* into names; 0: not a function, only ends the one before */
};

struct kallsyms {
	uint64_t base;
	vec(struct kallsym) symbols; /* by address */
	vec(char) names;
	uint32_t bad;     /* lines that could not be read */
	uint64_t dropped; /* functions above a ceiling */
	bool hidden;      /* all addresses are zero: kptr_restrict */
};

/**
 * kallsyms_new - read a descriptor of /proc/kallsyms to its end
 *
 * Return: 0, also when the addresses are hidden; -errno of read(); -ENOMEM.
 */
nodiscard int kallsyms_new(int fd, struct kallsyms **ret_kallsyms);
void kallsyms_free(struct kallsyms *kallsyms);
own_define(struct kallsyms, kallsyms_free)

/** kallsyms_find - the function that holds an address, `name` or `name [module]`; NULL if none */
const char *kallsyms_find(const struct kallsyms *kallsyms, uint64_t address);

#endif
