/* SPDX-License-Identifier: MIT */
/* The figures of a run out of any text. */
#include "report/series_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct metric_series series = { 0 };
	struct series_host host = { "" };

	if (series_read((const char *)bytes, len, &series, &host) == 0 && !series.runs)
		abort();
	series_done(&series);
	return 0;
}
