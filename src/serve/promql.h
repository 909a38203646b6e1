/* SPDX-License-Identifier: MIT */
/* promql.h - expressions of Prometheus over what was counted of the records (store/rollup.h): as much of the
 * language as shows rates, sums and percentiles.
 *
 *     number                                1, 0.5, 1e3
 *     metric{label="v",...}                 also !=, =~, !~; a counter as it was since the store began
 *     rate(selector[5m]), increase(...)     over the time for which the collector was on
 *     sum, avg, min, max, count             by (labels) or without (labels)
 *     histogram_quantile(0.9, ...)          of buckets, by their label "le"
 *     + - * / % ^                           of a number and another, or of a number and series
 *
 * Everything else is refused by its name.  Ceilings: PROMQL_MAX_BYTES of text, PROMQL_MAX_DEPTH,
 * PROMQL_MAX_POINTS of a series, PROMQL_MAX_VALUES of all series together.
 */
#ifndef SERVE_PROMQL_H
#define SERVE_PROMQL_H

#include <regex.h>

#include "base/own.h"
#include "base/vec.h"
#include "store/reader.h"

#define PROMQL_MAX_BYTES  4096
#define PROMQL_MAX_DEPTH  32
#define PROMQL_MAX_POINTS 11000
#define PROMQL_MAX_VALUES (1u << 20)
#define PROMQL_MAX_LINES  20000

struct promql_label {
	char *name, *value;
};

/* In the order in which they were added; __name__ is one of them. */
struct promql_labels {
	vec(struct promql_label) list;
};

enum promql_compare {
	PROMQL_EQUAL,
	PROMQL_UNEQUAL,
	PROMQL_LIKE,
	PROMQL_UNLIKE,
};

struct promql_matcher {
	char *name, *value;
	enum promql_compare compare;
	regex_t regex;
	bool has_regex;
};

struct promql_selector {
	vec(struct promql_matcher) matchers;
	uint64_t range_ms; /* 0: none */
};

enum promql_kind {
	PROMQL_NUMBER,
	PROMQL_SELECTOR,
	PROMQL_RATE,
	PROMQL_INCREASE,
	PROMQL_QUANTILE, /* left: the share, right: the buckets */
	PROMQL_AGGREGATE,
	PROMQL_BINARY,
	PROMQL_NEGATIVE,
};

enum promql_aggregate {
	PROMQL_SUM,
	PROMQL_AVG,
	PROMQL_MIN,
	PROMQL_MAX,
	PROMQL_COUNT,
};

struct promql_node {
	enum promql_kind kind;
	double number;
	char sign; /* PROMQL_BINARY */
	enum promql_aggregate aggregate;
	bool is_without;
	vec(char *) labels; /* by, or without */
	struct promql_selector selector;
	struct promql_node *left, *right;
};

/**
 * promql_parse - an expression
 *
 * Return: 0; -EINVAL with fail() said; -ENOMEM.  Free with promql_free().
 */
nodiscard int promql_parse(const char *text, struct promql_node **ret_node);

/** promql_parse_selector - a selector alone, as match[] has it.  As promql_parse() */
nodiscard int promql_parse_selector(const char *text, struct promql_node **ret_node);
void promql_free(struct promql_node *node);
own_define(struct promql_node, promql_free)

/** promql_parse_duration - "1h30m", "15s".  Return: 0; -EINVAL */
nodiscard int promql_parse_duration(const char *text, uint64_t *ret_ms);

/* Instants at which an expression is looked at. */
struct promql_grid {
	uint64_t start_ms, step_ms;
	size_t count;
	bool is_instant;
};

/* One series; what is not there at an instant is promql_is_absent(). */
struct promql_line {
	struct promql_labels labels;
	double *values;
};

struct promql_result {
	bool is_scalar; /* one line without labels */
	vec(struct promql_line) lines;
};

/** promql_is_absent - no value, and not a number that is none either */
bool promql_is_absent(double value);
double promql_absent(void);

/**
 * promql_evaluate - an expression at each instant
 *
 * Return: 0; -EINVAL it makes no sense; -E2BIG it is too much; -ETIME; -errno; with fail() said.  Free with
 * promql_result_done() in any case.
 */
nodiscard int promql_evaluate(struct store_reader *reader, const struct promql_node *node,
			      const struct promql_grid *grid, struct promql_result *result);
void promql_result_done(struct promql_result *result);

/* Labels and series, without their values. */
const char *promql_label(const struct promql_labels *labels,
			 const char *name); /* "" if it has none */
nodiscard int promql_labels_add(struct promql_labels *labels, const char *name, const char *value);
nodiscard int promql_labels_copy(const struct promql_labels *from, struct promql_labels *to);
bool promql_labels_same(const struct promql_labels *a, const struct promql_labels *b);
void promql_labels_done(struct promql_labels *labels);
bool promql_selects(const struct promql_selector *selector, const struct promql_labels *labels);

/* What a series is of: a metric of the store, and which part of a histogram. */
enum promql_part {
	PROMQL_WHOLE, /* of a counter */
	PROMQL_BUCKET,
	PROMQL_PART_SUM,
	PROMQL_PART_COUNT,
};

struct promql_series {
	int metric;
	int64_t id; /* in the store */
	enum promql_part part;
	size_t bound; /* of PROMQL_BUCKET; ROLLUP_BOUNDS: all */
	const struct promql_labels *labels;
};

/**
 * promql_each_series - those that a selector names; NULL: all
 *
 * Return: 0; what @each returned; -errno with fail() said.
 */
nodiscard int promql_each_series(struct store_reader *reader,
				 const struct promql_selector *selector,
				 int (*each)(void *context, const struct promql_series *series),
				 void *context);

/** promql_read - the values of a selector, a rate or an increase.  As promql_evaluate() */
nodiscard int promql_read(struct store_reader *reader, const struct promql_node *node,
			  const struct promql_grid *grid, struct promql_result *result);

#endif
