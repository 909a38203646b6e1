/* SPDX-License-Identifier: MIT */
/* series.h - reading and comparing what `kymo run --json` wrote. */
#ifndef CMD_SERIES_H
#define CMD_SERIES_H

#include "report/series_read.h"

/** series_load - from a file.  Return: 0; -errno with fail() said; series_done() in any case */
nodiscard int series_load(const char *path, struct metric_series *series,
			  struct series_host *ret_host);

/** series_host - of the machine that this runs on */
void series_host(struct series_host *host);

#endif
