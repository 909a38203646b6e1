/* SPDX-License-Identifier: MIT */
/* completion.h - the option table as completion functions of shells. */
#ifndef CMD_COMPLETION_H
#define CMD_COMPLETION_H

#include <stdio.h>

#include "cmd/option.h"

/** completion_put_bash - for bash 4.4 and later; needs no package bash-completion */
void completion_put_bash(FILE *out, const struct verb *const *table);

/** completion_put_zsh - the file `_kymo` of a folder in $fpath */
void completion_put_zsh(FILE *out, const struct verb *const *table);

#endif
