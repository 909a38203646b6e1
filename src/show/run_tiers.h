/* SPDX-License-Identifier: MIT */
/* run_tiers.h - tables of what is measured only when asked for.  For show/ only. */
#ifndef SHOW_RUN_TIERS_H
#define SHOW_RUN_TIERS_H

#include <stdio.h>

#include "model/account.h"

/* Each writes its table, without the heading.  Return: 0; -ENOMEM */
nodiscard int show_syscalls(FILE *out, const struct account *account);
nodiscard int show_files(FILE *out, const struct account *account);

#endif
