/* SPDX-License-Identifier: MIT */
#ifndef CMD_SERVE_H
#define CMD_SERVE_H

#include "cmd/arguments.h"

/** serve_verb_run - `kymo serve` */
int serve_verb_run(const struct arguments *arguments);

#endif
