/* SPDX-License-Identifier: MIT */
#ifndef CMD_DIFF_H
#define CMD_DIFF_H

#include "cmd/arguments.h"

/** diff_run - `kymo diff`; see struct verb */
int diff_run(const struct arguments *arguments);

#endif
