/* SPDX-License-Identifier: MIT */
#ifndef CMD_LATENCY_H
#define CMD_LATENCY_H

#include "cmd/arguments.h"

/** latency_verb_run - `kymo latency` */
int latency_verb_run(const struct arguments *arguments);

#endif
