/* SPDX-License-Identifier: MIT */
#ifndef CMD_PROFILE_H
#define CMD_PROFILE_H

#include "cmd/arguments.h"

/** profile_run - `kymo profile`; see struct verb */
int profile_run(const struct arguments *arguments);

#endif
