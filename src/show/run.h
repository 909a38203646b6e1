/* SPDX-License-Identifier: MIT */
/* run.h - the account of a run, written out: for a person, and as JSON. */
#ifndef SHOW_RUN_H
#define SHOW_RUN_H

#include <stdio.h>

#include "model/account.h"
#include "model/profile.h"
#include "report/series_read.h"

struct run_view {
	char *const *command; /* closed by NULL; NULL: a tree that ran already */
	const uint32_t *pids; /* of that */
	size_t pid_count;
	const struct metric_series *series; /* of all its runs; the account is that of the last */
	const struct series_host *host;
	const struct profile *profile; /* its stacks; NULL: they were not taken */
	const char *title;             /* what was run, cut */
	unsigned width;                /* columns of the terminal; 0: as wide as it comes */
	bool colour, ascii;
};

/** show_run_text - one paragraph on what dominated, then tables.  Return: 0; -ENOMEM */
nodiscard int show_run_text(FILE *out, const struct account *account, const struct run_view *view);

/** show_run_html - everything a person wants, as one page without network.  Return: 0; -ENOMEM; -errno */
nodiscard int show_run_html(FILE *out, const struct account *account, const struct run_view *view);

/** show_run_json - everything, as one object; documented in run_json.c.  Return: 0; -ENOMEM */
nodiscard int show_run_json(FILE *out, const struct account *account, const struct run_view *view);

#endif
