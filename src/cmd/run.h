/* SPDX-License-Identifier: MIT */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include "cmd/arguments.h"

/** run_run - `kymo run`; see struct verb */
int run_run(const struct arguments *arguments);

#endif
