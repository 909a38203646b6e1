/* SPDX-License-Identifier: MIT */
#ifndef CMD_SELFTEST_H
#define CMD_SELFTEST_H

#include "cmd/arguments.h"

/** selftest_verb_run - `kymo selftest` */
int selftest_verb_run(const struct arguments *arguments);

#endif
