/* SPDX-License-Identifier: MIT */
/* history.h - what a tree did through time: how many threads, on average, were in each part of a life.
 *
 * The moments of an account are sums by then; a span between two of them has their differences.
 */
#ifndef REPORT_HISTORY_H
#define REPORT_HISTORY_H

#include "report/balance.h"

struct history_span {
	uint64_t from_ns, to_ns;    /* since the start of the run */
	double threads[PART_COUNT]; /* in each part, on average */
	uint64_t rss_bytes;         /* at its end; of the last span, that of the one before */
};

struct history {
	vec(struct history_span) spans; /* one behind the other, without a gap */
	double threads_max;             /* of all parts together, in the fullest span */
};

/**
 * history_make - from the start of the run to its end
 * @max: spans at most; where there are more moments, some are passed over
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int history_make(const struct account *account, size_t max, struct history *ret_history);
void history_done(struct history *history);

#endif
