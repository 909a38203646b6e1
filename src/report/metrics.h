/* SPDX-License-Identifier: MIT */
/* metrics.h - the figures of a run that can be compared, and whether two series of runs differ.
 *
 * A metric is a name, a unit and a value for each run.  Two series are compared by the Mann-Whitney
 * test (no distribution is assumed), the size of the difference is the median of all pairs
 * (Hodges-Lehmann), and Holm's correction allows for how many metrics are looked at.
 */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

#include "model/account.h"

enum metric_unit {
	METRIC_NS,
	METRIC_BYTES,
	METRIC_COUNT
};

struct metric {
	const char *name; /* key in JSON, ends with its unit */
	const char *words;
	enum metric_unit unit;
};

#define METRICS_FIXED 14
#define METRICS_COUNT (METRICS_FIXED + BALANCE_REASONS)
#define METRICS_RUNS  10000 /* at most in a series */

extern const struct metric metrics_fixed[METRICS_FIXED];

/** metric_at - by number; the reasons of being blocked behind the fixed ones */
struct metric metric_at(unsigned number, char name[48]);

/** metric_find - the number of a name; METRICS_COUNT: there is none */
unsigned metric_find(const char *name);

/** metric_value - of one run.  false: it was not measured */
bool metric_value(const struct account *account, unsigned number, double *ret_value);

/* What a series of runs found. */
struct metric_series {
	vec(double) values[METRICS_COUNT]; /* of each run; none: not measured */
	size_t runs;
	size_t warmups;
};

/** series_add - Return: 0; -ENOMEM */
nodiscard int series_add(struct metric_series *series, const struct account *account);
void series_done(struct metric_series *series);

struct metric_summary {
	double median, mean, stddev, min, max;
	size_t outliers; /* further from the median than five times the median distance from it */
};
struct metric_summary series_summary(const struct metric_series *series, unsigned number);

enum metric_verdict {
	METRIC_TOO_FEW, /* runs, for any difference to be told from chance */
	METRIC_SAME,    /* no difference shown */
	METRIC_MORE,
	METRIC_LESS,
	METRIC_VERDICT_COUNT
};

struct metric_difference {
	unsigned number;
	double before, after;    /* medians */
	double shift, low, high; /* after less before, and its 95 % interval */
	double p;                /* two-sided, before Holm's correction */
	enum metric_verdict verdict;
};

struct metric_differences {
	vec(struct metric_difference) rows; /* of what both have, and at least one is not 0 */
	bool is_busier; /* only waits for a CPU are more: it is the machine, not the command */
};

/** series_compare - Return: 0; -ENOMEM */
nodiscard int series_compare(const struct metric_series *before, const struct metric_series *after,
			     struct metric_differences *ret_differences);

/** mann_whitney - two-sided p of two samples; exact where both are small and without ties */
double mann_whitney(const double *a, size_t a_len, const double *b, size_t b_len);

#endif
