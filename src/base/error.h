/* SPDX-License-Identifier: MIT */
/* error.h - the one error convention: 0, a negative errno, or a documented positive outcome.
 *
 * Below cmd/ nothing prints.  Where a failure is first seen, fail() records one sentence for the
 * person at the terminal and hint() one remedy; every caller passes the number on unchanged and
 * cmd/ prints both.  One record per thread: the newest failure wins.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <errno.h>

/* Beside the errno of the kernel: what the user typed makes no sense; cmd/ exits with status 2. */
#define ERROR_USAGE 5000

/**
 * fail - record why something failed
 * @err:    negative errno, returned unchanged; `%m` in @format reads as its text
 * @format: one sentence, lower case, subject in single quotes, cause last
 *
 * Clears an earlier hint.  Return: @err.
 */
int fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** hint - record the command that helps, after fail(); no newline, no "hint:" in front */
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** error_text - the last sentence of this thread, "" if none; valid until the next fail() */
const char *error_text(void);

/** error_hint - its remedy, "" if none */
const char *error_hint(void);

void error_clear(void);

#endif
