/* SPDX-License-Identifier: MIT */
/* promql_read.c - the values of series at each instant, from steps that were counted.
 *
 *     steps of the store    |--3--|--1--|--4--|--1--|
 *     rate over a range              (-----------]      what ended in it, divided by the time for which the
 *                                                t      collector was on in these steps
 *
 * Each step is added once, where its part begins, and taken away once, where it ends; a sum along the grid
 * then gives the values.  What is added is whole numbers, so nothing is lost by it.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "serve/promql.h"
#include "store/rollup_read.h"

#define LOOK_BACK_MS \
	300000        /* a counter is there if its collector was on since, as Prometheus has it */
#define FINE_PARTS 30 /* of a range, at a single instant */

/* One series to read, or for how long a collector was on. */
struct reading_line {
	int64_t id;
	enum promql_part part;
	size_t bound;
	bool is_there;
	size_t coverage; /* number of; SIZE_MAX: none */
	double *values;
};

struct reading {
	struct store_reader *reader;
	const struct promql_node *node;
	const struct promql_grid *grid;
	struct promql_result *result;
	uint64_t level_s, window_ms;    /* 0: all there was before */
	vec(struct reading_line) lines; /* those of the result come first, in its order */
	vec(struct promql_labels) collectors;
	vec(struct reading_line) covered; /* by collector */
	int metric;                       /* whose rows are read */
	bool is_base, is_coverage;
};

static int make_values(const struct promql_grid *grid, size_t lines, double **ret)
{
	if (lines > PROMQL_MAX_LINES || lines * (grid->count + 1) > PROMQL_MAX_VALUES) {
		int err = fail(-E2BIG, "more than %u values are too many", PROMQL_MAX_VALUES);

		hint("name fewer series, a longer step or a shorter span");
		return err;
	}
	*ret = calloc(grid->count + 1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

/* The collector that a series comes from. */
static const char *collector_of(const struct promql_series *series)
{
	const struct rollup_metric *metric = &rollup_metrics[series->metric];

	return metric->source == ROLLUP_OF_EVENTS ? promql_label(series->labels, "collector") :
						    metric->collector ?: "";
}

static int find_coverage(struct reading *reading, const char *collector, size_t *ret)
{
	struct promql_labels labels = { 0 };
	struct reading_line line = { 0 };
	int err;

	*ret = SIZE_MAX;
	if (!*collector)
		return 0;
	for (*ret = 0; *ret < reading->collectors.len; ++*ret)
		if (strcmp(promql_label(&reading->collectors.data[*ret], "collector"), collector) ==
		    0)
			return 0;
	err = promql_labels_add(&labels, "collector", collector);
	err = err ?: make_values(reading->grid, reading->lines.len, &line.values);
	if (!err && (err = vec_push(&reading->covered, line)) != 0)
		free(line.values);
	err = err ?: vec_push(&reading->collectors, labels);
	if (err)
		promql_labels_done(&labels);
	return err;
}

static int add_line(void *context, const struct promql_series *series)
{
	struct reading *reading = context;
	struct promql_line shown = { 0 };
	struct reading_line line = { .id = series->id,
				     .part = series->part,
				     .bound = series->bound };
	int err = find_coverage(reading, collector_of(series), &line.coverage);

	err = err ?: make_values(reading->grid, reading->lines.len, &line.values);
	err = err ?: promql_labels_copy(series->labels, &shown.labels);
	shown.values = line.values;
	if (!err)
		err = vec_push(&reading->result->lines, shown);
	if (err) {
		promql_labels_done(&shown.labels);
		free(line.values);
		return err;
	}
	return vec_push(&reading->lines, line);
}

/* Whether longer steps tell of what the shorter ones no longer do. */
static int is_older(struct reading *reading, uint64_t longer_s, bool *ret_is)
{
	uint64_t range_ms = reading->node->selector.range_ms, start_ms = reading->grid->start_ms;
	uint64_t from_s = start_ms > range_ms ? (start_ms - range_ms) / 1000 : 0;
	uint64_t oldest_s = 0, other_s = 0;
	int err = rollup_oldest(reading->reader, (uint32_t)reading->level_s, &oldest_s);

	err = err ?: rollup_oldest(reading->reader, (uint32_t)longer_s, &other_s);
	*ret_is = oldest_s > from_s && other_s < oldest_s && other_s + longer_s <= oldest_s;
	return err;
}

/* Steps that fit into the range, and are no finer than what is asked for. */
static int choose_level(struct reading *reading)
{
	const struct promql_grid *grid = reading->grid;
	uint64_t range_ms = reading->node->selector.range_ms;
	uint64_t step_ms = grid->is_instant ? range_ms / FINE_PARTS : grid->step_ms;
	int err = 0;

	if (range_ms && range_ms < rollup_steps_s[0] * 1000)
		return fail(-EINVAL, "a range is %u s at least, as that is what is counted by",
			    rollup_steps_s[0]);
	reading->level_s = rollup_steps_s[0];
	for (size_t i = 1; !err && i < ROLLUP_LEVELS; i++) {
		bool is_gone = false;

		if (range_ms && rollup_steps_s[i] * 1000 > range_ms)
			break;
		if (rollup_steps_s[i] * 1000 > step_ms)
			err = is_older(reading, rollup_steps_s[i], &is_gone);
		if (rollup_steps_s[i] * 1000 <= step_ms || is_gone)
			reading->level_s = rollup_steps_s[i];
	}
	return err;
}

/* The first instant at or after some time. */
static size_t instant_at(const struct promql_grid *grid, uint64_t ms)
{
	uint64_t number;

	if (ms <= grid->start_ms)
		return 0;
	number = (ms - grid->start_ms + grid->step_ms - 1) / grid->step_ms;
	return number < grid->count ? number : grid->count;
}

static double value_of(const struct reading_line *line, const struct rollup_row *row)
{
	uint64_t below[ROLLUP_BOUNDS];

	switch (line->part) {
	case PROMQL_PART_COUNT:
		return (double)row->count;
	case PROMQL_BUCKET:
		if (line->bound == ROLLUP_BOUNDS || !row->histogram)
			return (double)row->count;
		rollup_below(row->histogram->buckets, below);
		return (double)below[line->bound];
	default:
		return (double)row->sum;
	}
}

static int take_row(void *context, const struct rollup_row *row)
{
	struct reading *reading = context;
	uint64_t end_ms = (row->at_s + reading->level_s) * 1000;
	size_t from = reading->is_base ? 0 : instant_at(reading->grid, end_ms);
	size_t to = reading->window_ms ? instant_at(reading->grid, end_ms + reading->window_ms)
				       : reading->grid->count;
	struct reading_line *lines =
		reading->is_coverage ? reading->covered.data : reading->lines.data;
	size_t count = reading->is_coverage ? reading->covered.len : reading->lines.len;

	for (size_t i = 0; from < to && i < count; i++) {
		double value;

		if (lines[i].id != row->series)
			continue;
		value = value_of(&lines[i], row);
		lines[i].values[from] += value;
		lines[i].values[to] -= value;
		lines[i].is_there = true;
	}
	return 0;
}

static void sum_along(const struct reading *reading, double *values)
{
	for (size_t i = 1; i < reading->grid->count; i++)
		values[i] += values[i - 1];
}

static int read_span(struct reading *reading, uint64_t level_s, uint64_t from_s, uint64_t to_s)
{
	return from_s < to_s ? rollup_each(reading->reader, reading->metric, (uint32_t)level_s,
					   from_s, to_s, take_row, reading)
			     : 0;
}

/* All before some time, by steps as long as fit. */
static int read_base(struct reading *reading, uint64_t until_s)
{
	uint64_t hour = until_s / 3600 * 3600, minute = until_s / 60 * 60;
	int err;

	reading->is_base = true;
	err = read_span(reading, 3600, 0, hour);
	err = err ?: read_span(reading, 60, hour, minute);
	err = err ?: read_span(reading, 10, minute, until_s);
	reading->is_base = false;
	return err;
}

static int read_rows(struct reading *reading)
{
	const struct promql_grid *grid = reading->grid;
	uint64_t end_ms = grid->start_ms + (grid->count - 1) * grid->step_ms;
	uint64_t from_ms =
		grid->start_ms > reading->window_ms ? grid->start_ms - reading->window_ms : 0;
	uint64_t from_s = from_ms / 1000 / reading->level_s * reading->level_s;
	uint64_t to_s = end_ms / 1000 + 1;
	int err = 0;

	if (!reading->window_ms)
		err = read_base(reading, from_s);
	/* A step that ends behind the last instant is none of it. */
	return err
		       ?: read_span(reading, reading->level_s, from_s,
				    to_s > reading->level_s ? to_s - reading->level_s + 1 : 0);
}

static int name_coverage(void *context, int64_t id, const char *labels)
{
	struct reading *reading = context;

	for (size_t i = 0; i < reading->covered.len; i++) {
		char wanted[ROLLUP_LABELS_BYTES] = "";

		rollup_put_label(wanted, "collector",
				 promql_label(&reading->collectors.data[i], "collector"));
		if (strcmp(labels, wanted) == 0)
			reading->covered.data[i].id = id;
	}
	return 0;
}

static int read_coverage(struct reading *reading)
{
	uint64_t window_ms = reading->window_ms;
	int err;

	reading->metric = rollup_metric_find("kymo_recorded_seconds_total");
	reading->is_coverage = true;
	reading->window_ms = window_ms ?: LOOK_BACK_MS + reading->level_s * 1000;
	err = rollup_each_series(reading->reader, reading->metric, name_coverage, reading);
	err = err ?: read_rows(reading);
	reading->window_ms = window_ms;
	reading->is_coverage = false;
	vec_each(line, &reading->covered)
		sum_along(reading, line->values);
	return err;
}

/* Sums become what was asked for, in base units. */
static void finish_line(const struct reading *reading, const struct rollup_metric *metric,
			const struct reading_line *line)
{
	bool is_time = metric->unit == UNIT_NS && line->part != PROMQL_BUCKET &&
		       line->part != PROMQL_PART_COUNT;
	double window_s = (double)reading->window_ms / 1000;
	bool has_coverage = line->coverage != SIZE_MAX && reading->covered.data[line->coverage].id;
	const double *covered = has_coverage ? reading->covered.data[line->coverage].values : NULL;

	sum_along(reading, line->values);
	for (size_t i = 0; i < reading->grid->count; i++) {
		double value = is_time ? line->values[i] / 1e9 : line->values[i];
		double covered_s = covered ? covered[i] / 1e9 : window_s;
		bool is_there = covered ? covered_s > 0 : line->values[i] > 0;

		if (reading->node->kind == PROMQL_RATE)
			value /= covered_s;
		else if (reading->node->kind == PROMQL_INCREASE)
			value *= window_s / covered_s;
		line->values[i] = is_there ? value : promql_absent();
	}
}

/* Series that nothing was counted of are none. */
static void drop_empty(struct reading *reading)
{
	struct promql_result *result = reading->result;
	size_t kept = 0;

	for (size_t i = 0; i < result->lines.len; i++) {
		if (reading->lines.data[i].is_there) {
			result->lines.data[kept++] = result->lines.data[i];
			continue;
		}
		promql_labels_done(&result->lines.data[i].labels);
		free(result->lines.data[i].values);
	}
	result->lines.len = kept;
}

/* A metric's rows are read once, for all of its series. */
static int read_metric(struct reading *reading, int metric, const int *metrics)
{
	int err = 0;

	reading->metric = metric;
	for (size_t i = 0; i < reading->lines.len; i++)
		if (metrics[i] == metric) {
			err = read_rows(reading);
			break;
		}
	return err;
}

static int metric_of(const struct promql_labels *labels)
{
	const char *name = promql_label(labels, "__name__");

	for (int i = 0; rollup_metrics[i].name; i++) {
		size_t len = strlen(rollup_metrics[i].name);

		if (strncmp(name, rollup_metrics[i].name, len) == 0 &&
		    (!name[len] ||
		     (rollup_metrics[i].shape == ROLLUP_HISTOGRAM && name[len] == '_')))
			return i;
	}
	return 0;
}

static int read_all(struct reading *reading)
{
	struct promql_result *result = reading->result;
	int err = promql_each_series(reading->reader, &reading->node->selector, add_line, reading);
	int *metrics = err ? NULL : calloc(reading->lines.len + 1, sizeof(*metrics));

	if (err || !metrics)
		return err ?: -ENOMEM;
	for (size_t i = 0; i < reading->lines.len; i++)
		metrics[i] = metric_of(&result->lines.data[i].labels);
	for (int i = 0; !err && rollup_metrics[i].name; i++)
		err = read_metric(reading, i, metrics);
	err = err ?: read_coverage(reading);
	for (size_t i = 0; !err && i < reading->lines.len; i++)
		finish_line(reading, &rollup_metrics[metrics[i]], &reading->lines.data[i]);
	free(metrics);
	if (!err)
		drop_empty(reading);
	return err;
}

int promql_read(struct store_reader *reader, const struct promql_node *node,
		const struct promql_grid *grid, struct promql_result *result)
{
	struct reading reading = {
		.reader = reader,
		.node = node,
		.grid = grid,
		.result = result,
		.window_ms = node->selector.range_ms,
	};
	int err;

	if (node->kind == PROMQL_SELECTOR && node->selector.range_ms) {
		err = fail(-EINVAL, "a range such as [5m] is for rate() and increase()");
		return err;
	}
	err = choose_level(&reading);
	err = err ?: read_all(&reading);
	vec_done(&reading.lines);
	vec_each(line, &reading.covered)
		free(line->values);
	vec_done(&reading.covered);
	vec_each(labels, &reading.collectors)
		promql_labels_done(labels);
	vec_done(&reading.collectors);
	return err;
}
