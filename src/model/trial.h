/* SPDX-License-Identifier: MIT */
/* trial.h - what `kymo selftest` found: for each kind of record, how many there were to be seen. */
#ifndef MODEL_TRIAL_H
#define MODEL_TRIAL_H

#include <stdbool.h>

#include "base/vec.h"
#include "model/coverage.h"

struct trial_row {
	const char *collector, *event;
	uint64_t made;         /* that happened */
	uint64_t seen;         /* of those, that were recorded, each once */
	uint64_t lost;         /* records of this kind that were counted as lost */
	uint64_t wrong;        /* recorded as the storm's, but it did not happen, or twice */
	uint64_t delay_p50_ns; /* from when it happened until it was read */
	uint64_t delay_p99_ns;
	bool failed;      /* its collector does not work */
	char reason[256]; /* why, or why less happened than was to; "" */
};

struct trial {
	vec(struct trial_row) rows;
	struct coverage coverage;
};

/** trial_row_passed - all was seen, or counted as lost; and nothing else was seen */
static inline bool trial_row_passed(const struct trial_row *row)
{
	return row->seen + row->lost >= row->made && !row->wrong && !row->failed;
}

static inline void trial_done(struct trial *trial)
{
	vec_done(&trial->rows);
	coverage_done(&trial->coverage);
}

#endif
