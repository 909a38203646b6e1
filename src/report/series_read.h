/* SPDX-License-Identifier: MIT */
/* series_read.h - the figures of a series of runs out of what `kymo run --json` wrote. */
#ifndef REPORT_SERIES_READ_H
#define REPORT_SERIES_READ_H

#include "report/metrics.h"

/* On what machine it was: two that differ are not to be compared without a word. */
struct series_host {
	char text[256];
};

/**
 * series_read - from a text of anybody
 * @series: empty; series_done() in any case
 *
 * Return: 0; -EINVAL it is no account of a run; -E2BIG more than METRICS_RUNS runs; -ENOMEM.
 */
nodiscard int series_read(const char *text, size_t len, struct metric_series *series,
			  struct series_host *ret_host);

#endif
