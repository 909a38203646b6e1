/* SPDX-License-Identifier: MIT */
/* run_series.h - several runs of one command, and what changed between two such series. */
#ifndef SHOW_RUN_SERIES_H
#define SHOW_RUN_SERIES_H

#include <stdio.h>

#include "report/series_read.h"

/** show_series - each figure with its median and spread */
void show_series(FILE *out, const struct metric_series *series);

/**
 * show_differences - which causes changed, and whether by more than chance
 * @before, @after: of which machine each was; a word is said where they differ
 */
void show_differences(FILE *out, const struct metric_differences *differences,
		      const struct series_host *before, const struct series_host *after);

#endif
