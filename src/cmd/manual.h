/* SPDX-License-Identifier: MIT */
/* manual.h - the option table as manual pages, in the macros of man(7). */
#ifndef CMD_MANUAL_H
#define CMD_MANUAL_H

#include <stdio.h>

#include "cmd/option.h"

/** manual_put_program - kymo(1); @date: YYYY-MM-DD, for the foot of the page */
void manual_put_program(FILE *out, const struct verb *const *table, const char *date);

/** manual_put_verb - kymo-VERB(1) */
void manual_put_verb(FILE *out, const struct verb *verb, const char *date);

#endif
