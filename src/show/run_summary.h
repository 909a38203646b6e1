/* SPDX-License-Identifier: MIT */
/* run_summary.h - the words of an account that every form of it has: what dominated, and whether it can be
 * believed.  For show/ only.
 */
#ifndef SHOW_RUN_SUMMARY_H
#define SHOW_RUN_SUMMARY_H

#include "show/run.h"

/* Writes foreign text, escaped for the form at hand. */
typedef void run_put(FILE *out, const char *text);

/** run_what - "make -j4", "processes 12, 34" */
void run_what(FILE *out, const struct run_view *view, run_put *put);

/** show_run_findings - two lines: what dominated, and what to look at next; false: nothing is known */
bool show_run_findings(FILE *out, const struct account *account, run_put *put);

/** show_run_summary - a line on what it was, and the findings */
void show_run_summary(FILE *out, const struct account *account, const struct run_view *view,
		      run_put *put);

/** show_run_trust - a line for each check, loss and gap, each behind @indent */
void show_run_trust(FILE *out, const struct account *account, const char *indent, run_put *put);

#endif
