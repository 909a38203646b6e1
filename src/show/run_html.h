/* SPDX-License-Identifier: MIT */
/* run_html.h - the pictures of the page of a run; for show/ only. */
#ifndef SHOW_RUN_HTML_H
#define SHOW_RUN_HTML_H

#include "report/balance.h"
#include "show/run.h"

#define HTML_WIDTH 1190 /* of a picture, in its own units */

/** html_swatch - a small square in the colour of a part */
void html_swatch(FILE *out, unsigned part);

/** html_bar - a life as one bar, its parts by length */
void html_bar(FILE *out, const struct balance_times *times);

/** html_history - what the threads did through time, and the memory.  Return: 0; -ENOMEM */
nodiscard int html_history(FILE *out, const struct account *account);

/** html_processes - a line for each process, from its birth to its end.  Return: 0; -ENOMEM */
nodiscard int html_processes(FILE *out, const struct account *account);

#endif
