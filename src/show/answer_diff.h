/* SPDX-License-Identifier: MIT */
/* answer_diff.h - two spans of a store, compared, for a person: which functions the time went to more, or less.
 *
 * What is compared is time for each second that there were samples of, so that spans may be of different length.
 */
#ifndef SHOW_ANSWER_DIFF_H
#define SHOW_ANSWER_DIFF_H

#include <stddef.h>
#include <stdio.h>

#include "base/own.h"

/**
 * answer_diff_put - from what /api/v1/profiles/diff answers
 * @most: functions at most, those that changed most
 *
 * Return: 0; -EBADMSG it is no such answer; -ENOMEM.
 */
nodiscard int answer_diff_put(FILE *out, const char *json, size_t len, size_t most);

#endif
