/* SPDX-License-Identifier: MIT */
#include "cmd/diff.h"

#include <stdio.h>

#include "base/error.h"
#include "cmd/series.h"
#include "show/run_series.h"

int diff_run(const struct arguments *arguments)
{
	struct metric_series series[2] = { 0 };
	struct series_host hosts[2] = { 0 };
	struct metric_differences differences = { 0 };
	int err = 0;

	if (arguments->operands.len != 2) {
		err = fail(-ERROR_USAGE, "two files are compared");
		hint("'kymo run -r 10 --json=before.json -- COMMAND' writes one");
	}
	for (int i = 0; !err && i < 2; i++)
		err = series_load(arguments->operands.data[i], &series[i], &hosts[i]);
	err = err ?: series_compare(&series[0], &series[1], &differences);
	if (!err) {
		printf("%zu runs before, %zu after\n", series[0].runs, series[1].runs);
		show_differences(stdout, &differences, &hosts[0], &hosts[1]);
	}
	vec_done(&differences.rows);
	series_done(&series[0]);
	series_done(&series[1]);
	return err;
}
