/* SPDX-License-Identifier: MIT */
/* rows.h - members of options that mean the same for several verbs: what is typed, and what is allowed.
 *
 * What it does to a verb, and where it stands in the help, is said there: `.help`, `.group`, `.otherwise`.
 */
#ifndef CMD_ROWS_H
#define CMD_ROWS_H

#include "cmd/option.h"

#define PID_MAX (1u << 22) /* PID_MAX_LIMIT of the kernel */

#define ROW_PIDS                                                                                \
	.name = "pid", .letter = 'p', .kind = OPTION_NUMBERS, .value = VALUE_PROCESS, .min = 1, \
	.max = PID_MAX, .argument = "PID[,PID...]"
#define ROW_CGROUP                                                                   \
	.name = "cgroup", .letter = 'c', .kind = OPTION_TEXT, .value = VALUE_FOLDER, \
	.argument = "CGROUP"
#define ROW_PORT .name = "port", .kind = OPTION_NUMBER, .min = 1, .max = 65535, .argument = "PORT"
#define ROW_DURATION                                                                \
	.name = "duration", .letter = 'd', .kind = OPTION_DURATION, .min = 1000000, \
	.max = UINT64_MAX, .argument = "SECONDS"
#define ROW_COUNT                                                                           \
	.name = "count", .letter = 'n', .kind = OPTION_NUMBER, .min = 1, .max = UINT64_MAX, \
	.argument = "N", .otherwise = "any number"
#define ROW_INTERVAL                                                                 \
	.name = "interval", .letter = 'i', .kind = OPTION_DURATION, .min = 10000000, \
	.max = UINT64_MAX, .argument = "TIME", .fallback = "1s"
#define ROW_OUTPUT                                                                 \
	.name = "output", .letter = 'o', .kind = OPTION_TEXT, .value = VALUE_FILE, \
	.argument = "FILE"

#endif
