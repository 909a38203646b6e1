/* SPDX-License-Identifier: MIT */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H

#include "cmd/arguments.h"

/** watch_verb_run - `kymo watch` */
int watch_verb_run(const struct arguments *arguments);

#endif
