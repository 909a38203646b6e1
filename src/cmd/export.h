/* SPDX-License-Identifier: MIT */
/* export.h - `kymo export`: what was recorded, whole, for other programs. */
#ifndef CMD_EXPORT_H
#define CMD_EXPORT_H

#include "cmd/arguments.h"

int export_run(const struct arguments *arguments);

#endif
