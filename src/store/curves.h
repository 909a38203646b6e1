/* SPDX-License-Identifier: MIT */
/* curves.h - numbers by steps of time: CPU time by who used it, and how many records there were.
 *
 * The steps of a span are as long as each other; the first begins at its start, the last may end behind its
 * end.  A slice of samples, which is kept as one, belongs to the step in which its middle lies; likewise what
 * was counted of records by steps of its own (rollup.h), which steps of a minute and longer are made of.  Ceilings:
 * CURVES_MAX_STEPS, CURVES_MAX_LINES; what is beyond the heaviest lines is added up in `others`.
 */
#ifndef STORE_CURVES_H
#define STORE_CURVES_H

#include "store/profile_read.h"

#define CURVES_MAX_STEPS 5000
#define CURVES_MAX_LINES 200

enum curves_key {
	CURVES_ALL,    /* one line */
	CURVES_COMM,   /* by name of the process */
	CURVES_THREAD, /* by name of the thread */
	CURVES_PID,
	CURVES_KIND, /* by what the CPU was in: user, kernel, jit, ...; of a wait, what it was for */
	CURVES_KEY_COUNT
};

struct curve {
	uint64_t key;
	char *name;
	uint64_t total;
	uint64_t *values; /* by step */
};

struct curves {
	uint64_t start_unix_ns, step_ns;
	size_t steps;
	vec(struct curve) lines; /* the heaviest first */
	uint64_t *others;        /* by step: what is in no line */
	uint64_t others_total;
	size_t others_count; /* of lines */
	uint64_t *
		covered_ns; /* by step: for so long there were samples; of counts the step, or 0: nothing is
			       * known of it any more */
	uint64_t lost;
	uint32_t
		rolled_up_s; /* numbers come from steps of so many seconds at most (rollup.h); 0: from
			       * records */
};

/** curves_init - Return: 0; -EINVAL too many steps, with fail() said; -ENOMEM */
nodiscard int curves_init(struct curves *series, uint64_t start_unix_ns, uint64_t end_unix_ns,
			  uint64_t step_ns);
void curves_done(struct curves *series);

/**
 * curves_read_cpu - nanoseconds of CPU time, of waits, or of both, as the query's time has it
 * @series: with its steps
 * @most: lines at most
 *
 * Return: 0; -ETIME; -errno with fail() said.
 */
nodiscard int curves_read_cpu(struct store_reader *reader, const struct profile_query *query,
			      enum curves_key key, size_t most, struct curves *series);

/**
 * curves_read_runq - nanoseconds that threads waited for a CPU, by process, from the rows of the collector 'runq'
 *
 * Return: as curves_read_cpu().
 */
nodiscard int curves_read_runq(struct store_reader *reader, const struct profile_query *query,
			       enum curves_key key, size_t most, struct curves *series);

/** curves_read_counts - how many records of each kind there were; a line for each kind that has any */
nodiscard int curves_read_counts(struct store_reader *reader, const struct schema *const *schemas,
				 struct curves *series);

#endif
