/* SPDX-License-Identifier: MIT */
/* log.h - what a daemon says while it runs: one line of logfmt each, to a stream that cmd/ hands in.
 *
 *     at=2026-11-29T02:41:32.123Z level=info msg="listening" address=127.0.0.1:8080
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

struct log {
	FILE *out; /* NULL: nothing is said */
	bool debug;
};

/**
 * log_put - one line
 * @level: "debug", "info", "warn", "error"; debug only where it is wanted
 * @format: message; what fails may be quoted in it
 */
void log_put(const struct log *log, const char *level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
