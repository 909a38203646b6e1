/* SPDX-License-Identifier: MIT */
/* latency_heat.h - how the times of calls went on: a column for each interval, a row for each doubling.
 *
 * At most HEAT_COLUMNS columns: when they are full, two and two become one.  At most HEAT_SUBJECTS
 * functions or routes are followed.
 */
#ifndef SHOW_LATENCY_HEAT_H
#define SHOW_LATENCY_HEAT_H

#include "base/vec.h"
#include "model/latency.h"

#define HEAT_COLUMNS  60
#define HEAT_SUBJECTS 512
#define HEAT_ROWS     ((CALL_BUCKETS >> CALL_BITS) + 1)

struct heat_subject {
	const struct latency_function *function;
	uint32_t counts[HEAT_COLUMNS][HEAT_ROWS];
};

struct heat {
	vec(struct heat_subject *) subjects;
	unsigned columns;  /* in use */
	unsigned merged;   /* intervals that make one */
	unsigned in_last;  /* intervals in the last one */
	uint64_t shown_ns; /* of the last interval */
	uint64_t from_mono_ns, to_mono_ns;
};

/** heat_add - an interval, or with is_final what came since the last one.  Return: 0; -ENOMEM */
nodiscard int heat_add(struct heat *heat, const struct latency_report *report);

/** heat_find - NULL: nothing is known of it */
const struct heat_subject *heat_find(const struct heat *heat,
				     const struct latency_function *function);

/** heat_put - the picture of one row; nothing where there are fewer than two columns */
void heat_put(const struct heat *heat, const struct latency_row *row, FILE *out, bool ascii);
void heat_done(struct heat *heat);

#endif
