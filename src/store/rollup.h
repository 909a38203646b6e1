/* SPDX-License-Identifier: MIT */
/* rollup.h - what is counted of the records and kept longer in less: series of numbers by steps of 10 s, one
 * minute and one hour.
 *
 *     record ──> its metrics ──> what came since the last commit ──┬─> row of 10 s
 *                                                                  ├─> row of its minute
 *                                                                  └─> row of its hour
 *
 * A row has how many values there were, their sum and, of a histogram, how many fell into each bucket
 * (model/histogram.h).  It is written in the transaction of the records it counts, so that it never tells of
 * more or less than was committed.  Labels are of small vocabularies, never PIDs or ports: a metric has
 * ROLLUP_MAX_SERIES series at a time, what is beyond them is counted in one whose labels are "other", and how
 * much is store_state.folded.  A series that nothing came for in ROLLUP_IDLE_S gives its place to a new one;
 * what it was stays in the file, which has ROLLUP_MAX_KEPT of a metric.
 */
#ifndef STORE_ROLLUP_H
#define STORE_ROLLUP_H

#include "model/histogram.h"
#include "model/schema.h"

#define ROLLUP_MAX_SERIES   200 /* of one metric, at a time */
#define ROLLUP_MAX_KEPT     2000
#define ROLLUP_IDLE_S       3600
#define ROLLUP_MAX_LABELS   2
#define ROLLUP_LABELS_BYTES 192 /* of a series, as text */

/* Lengths of steps, the shortest first. */
#define ROLLUP_LEVELS       3
extern const uint32_t rollup_steps_s[ROLLUP_LEVELS];

enum rollup_shape {
	ROLLUP_COUNTER,
	ROLLUP_HISTOGRAM,
};

/* What a counter's values are. */
enum rollup_source {
	ROLLUP_OF_FIELD,    /* sum of a field; without one: how many records */
	ROLLUP_OF_EVENTS,   /* how many records, of every kind of event, whatever its collector */
	ROLLUP_OF_CPU,      /* nanoseconds of samples, by process */
	ROLLUP_OF_COVERAGE, /* nanoseconds for which a collector was on */
};

struct rollup_metric {
	const char *name; /* as Prometheus calls it: "kymo_disk_service_seconds" */
	const char *help;
	enum rollup_shape shape;
	enum rollup_source source;
	enum unit unit; /* of the sum: UNIT_NS, UNIT_BYTES or UNIT_COUNT */
	const char *collector, *event, *field;
	struct {
		const char *field, *name; /* NULL closes them */
	} labels[ROLLUP_MAX_LABELS + 1];
};

/* Closed by a row without name. */
extern const struct rollup_metric rollup_metrics[];
#define ROLLUP_METRICS_MAX 16

/** rollup_metric_find - number of a metric by name; -ENOENT */
int rollup_metric_find(const char *name);

/** rollup_put_label - append name="value" to the labels of a series, made harmless; what does not fit is cut */
void rollup_put_label(char labels[ROLLUP_LABELS_BYTES], const char *name, const char *value);

/* Histograms are shown by fewer bounds than they have buckets: powers of 2 from a microsecond to a minute. */
#define ROLLUP_BOUNDS 27

/** rollup_bound - the greatest value, in nanoseconds, that is counted for a bound */
uint64_t rollup_bound(size_t number);

/** rollup_below - how many values there are for each bound and those before it */
void rollup_below(const uint64_t *buckets, uint64_t below[ROLLUP_BOUNDS]);

/* Buckets in few bytes: varints (7 bits a byte, least first), for each that holds something how many are
 * skipped before it, and how many it holds.
 */
#define ROLLUP_PACKED_BYTES (HISTOGRAM_BUCKETS * 12)

/** rollup_pack - Return: bytes */
size_t rollup_pack(const struct histogram *histogram, uint8_t packed[ROLLUP_PACKED_BYTES]);

/** rollup_unpack - add to what is there.  Return: 0; -EUCLEAN it makes no sense */
nodiscard int rollup_unpack(const uint8_t *packed, size_t len, struct histogram *histogram);

/* A series since the daemon began. */
struct rollup_total {
	uint8_t metric; /* number of */
	char labels[ROLLUP_LABELS_BYTES];
	uint64_t count, sum;
	uint64_t *buckets; /* HISTOGRAM_BUCKETS of them; NULL of a counter */
};

struct rollup_totals {
	vec(struct rollup_total) list;
};

/** rollup_totals_copy - over what is in @to.  Return: 0; -ENOMEM */
nodiscard int rollup_totals_copy(const struct rollup_totals *from, struct rollup_totals *to);
void rollup_totals_done(struct rollup_totals *totals);

#endif
