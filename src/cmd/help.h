/* SPDX-License-Identifier: MIT */
/* help.h - the option table as text for a terminal. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include <stdio.h>

#include "cmd/option.h"

/** help_put_verb - `kymo VERB --help`; @width: columns of the terminal */
void help_put_verb(FILE *out, const struct verb *verb, unsigned width);

/** help_put_program - `kymo --help` */
void help_put_program(FILE *out, const struct verb *const *table, unsigned width);

/** help_width - columns to write for: those of the terminal, of COLUMNS, or 80; 60 to 100 */
unsigned help_width(FILE *out);

/** help_run - `kymo help [VERB]` */
int help_run(const struct arguments *arguments);

#endif
