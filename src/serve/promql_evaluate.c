/* SPDX-License-Identifier: MIT */
/* promql_evaluate.c - an expression at all instants at once: each part brings its series with all values. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "serve/promql.h"

/* A number that is none, told from the others by its bits; that of Prometheus. */
#define ABSENT_BITS 0x7ff0000000000002ull

double promql_absent(void)
{
	uint64_t bits = ABSENT_BITS;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

bool promql_is_absent(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	/* Copying it may have made it a quiet one. */
	return bits == ABSENT_BITS || bits == (ABSENT_BITS | 1ull << 51);
}

void promql_result_done(struct promql_result *result)
{
	vec_each(line, &result->lines) {
		promql_labels_done(&line->labels);
		free(line->values);
	}
	vec_done(&result->lines);
}

static int evaluate(struct store_reader *reader, const struct promql_node *node,
		    const struct promql_grid *grid, struct promql_result *result);

static int add_line(struct promql_result *result, const struct promql_grid *grid, double value,
		    struct promql_line **ret)
{
	struct promql_line line = { .values = malloc((grid->count + 1) * sizeof(*line.values)) };
	int err = line.values ? vec_push(&result->lines, line) : -ENOMEM;

	if (err) {
		free(line.values);
		return err;
	}
	*ret = &result->lines.data[result->lines.len - 1];
	for (size_t i = 0; i < grid->count; i++)
		(*ret)->values[i] = value;
	return 0;
}

static int add_number(struct promql_result *result, const struct promql_grid *grid, double value)
{
	struct promql_line *line;

	result->is_scalar = true;
	return add_line(result, grid, value, &line);
}

/* What is computed is no longer the metric. */
static void drop_label(struct promql_labels *labels, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < labels->list.len; i++) {
		struct promql_label label = labels->list.data[i];

		if (strcmp(label.name, name) != 0) {
			labels->list.data[kept++] = label;
			continue;
		}
		free(label.name);
		free(label.value);
	}
	labels->list.len = kept;
}

/* The second of two series of one name and instant would be dropped in silence. */
#define UNIQUE_MAX 2000 /* series of several metrics */

static int check_unique(const struct promql_result *result)
{
	if (result->lines.len > UNIQUE_MAX)
		return fail(-E2BIG, "more than %d series of several metrics are too many",
			    UNIQUE_MAX);
	for (size_t i = 0; i < result->lines.len; i++)
		for (size_t k = 0; k < i; k++)
			if (promql_labels_same(&result->lines.data[i].labels,
					       &result->lines.data[k].labels))
				return fail(-EINVAL,
					    "several metrics have the same labels; name one");
	return 0;
}

static int drop_names(struct promql_result *result)
{
	const char *first =
		result->lines.len ? promql_label(&result->lines.data[0].labels, "__name__") : "";
	bool is_one = true;

	vec_each(line, &result->lines)
		is_one &= strcmp(promql_label(&line->labels, "__name__"), first) == 0;
	vec_each(line, &result->lines)
		if (line != result->lines.data)
			drop_label(&line->labels, "__name__");
	if (result->lines.len)
		drop_label(&result->lines.data[0].labels, "__name__");
	return is_one ? 0 : check_unique(result);
}

static double compute(char sign, double a, double b)
{
	switch (sign) {
	case '+':
		return a + b;
	case '-':
		return a - b;
	case '*':
		return a * b;
	case '/':
		return a / b;
	case '%':
		return fmod(a, b);
	default:
		return pow(a, b);
	}
}

static int evaluate_binary(struct store_reader *reader, const struct promql_node *node,
			   const struct promql_grid *grid, struct promql_result *result)
{
	struct promql_result other = { 0 };
	const double *number;
	bool is_left;
	int err = evaluate(reader, node->left, grid, result);

	err = err ?: evaluate(reader, node->right, grid, &other);
	if (!err && !result->is_scalar && !other.is_scalar) {
		err = fail(-EINVAL, "'%c' of series and series is not offered here", node->sign);
		hint("one of its sides should be a number");
	}
	if (err) {
		promql_result_done(&other);
		return err;
	}
	is_left = result->is_scalar && !other.is_scalar;
	if (is_left) {
		struct promql_result swapped = *result;

		*result = other;
		other = swapped;
	}
	number = other.lines.data[0].values;
	vec_each(line, &result->lines)
		for (size_t i = 0; i < grid->count; i++)
			if (!promql_is_absent(line->values[i]))
				line->values[i] =
					is_left ? compute(node->sign, number[i], line->values[i])
						: compute(node->sign, line->values[i], number[i]);
	promql_result_done(&other);
	return drop_names(result);
}

static bool is_listed(const struct promql_node *node, const char *name)
{
	vec_each(label, &node->labels)
		if (strcmp(*label, name) == 0)
			return true;
	return false;
}

/* The labels that a group keeps. */
static int group_labels(const struct promql_node *node, const struct promql_labels *from,
			struct promql_labels *to)
{
	int err = 0;

	vec_each(label, &from->list)
		if (is_listed(node, label->name) != node->is_without &&
		    !(node->is_without && strcmp(label->name, "__name__") == 0))
			err = err ?: promql_labels_add(to, label->name, label->value);
	return err;
}

static int find_group(struct promql_result *groups, const struct promql_grid *grid,
		      struct promql_labels *labels, struct promql_line **ret)
{
	int err;

	for (*ret = groups->lines.data; *ret && *ret < groups->lines.data + groups->lines.len;
	     ++*ret)
		if (promql_labels_same(&(*ret)->labels, labels)) {
			promql_labels_done(labels);
			return 0;
		}
	err = add_line(groups, grid, promql_absent(), ret);
	if (err)
		promql_labels_done(labels);
	else
		(*ret)->labels = *labels;
	return err;
}

static double aggregate(enum promql_aggregate kind, double sum, double value)
{
	bool is_first = promql_is_absent(sum);

	switch (kind) {
	case PROMQL_COUNT:
		return is_first ? 1 : sum + 1;
	case PROMQL_MIN:
		return is_first || isnan(sum) || value < sum ? value : sum;
	case PROMQL_MAX:
		return is_first || isnan(sum) || value > sum ? value : sum;
	default:
		return is_first ? value : sum + value;
	}
}

/* @counts: of averages, how many there are in each group and instant; NULL otherwise */
static int add_to_groups(const struct promql_node *node, const struct promql_grid *grid,
			 const struct promql_result *of, struct promql_result *groups,
			 struct promql_result *counts)
{
	int err = 0;

	for (size_t i = 0; !err && i < of->lines.len; i++) {
		const struct promql_line *line = &of->lines.data[i];
		struct promql_labels labels = { 0 };
		struct promql_line *group = NULL, *count = NULL;
		size_t number;

		err = group_labels(node, &line->labels, &labels);
		if (err)
			promql_labels_done(&labels);
		err = err ?: find_group(groups, grid, &labels, &group);
		if (err)
			break;
		number = (size_t)(group - groups->lines.data);
		if (number == counts->lines.len)
			err = add_line(counts, grid, 0, &count);
		if (err)
			break;
		count = &counts->lines.data[number];
		for (size_t k = 0; k < grid->count; k++) {
			if (promql_is_absent(line->values[k]))
				continue;
			group->values[k] =
				aggregate(node->aggregate, group->values[k], line->values[k]);
			count->values[k]++;
		}
	}
	return err;
}

static int evaluate_aggregate(struct store_reader *reader, const struct promql_node *node,
			      const struct promql_grid *grid, struct promql_result *result)
{
	struct promql_result of = { 0 }, counts = { 0 };
	int err = evaluate(reader, node->left, grid, &of);

	if (!err && of.is_scalar)
		err = fail(-EINVAL, "only series are added up, and this is a number");
	err = err ?: add_to_groups(node, grid, &of, result, &counts);
	for (size_t i = 0; !err && node->aggregate == PROMQL_AVG && i < result->lines.len; i++)
		for (size_t k = 0; k < grid->count; k++)
			if (!promql_is_absent(result->lines.data[i].values[k]))
				result->lines.data[i].values[k] /= counts.lines.data[i].values[k];
	promql_result_done(&of);
	promql_result_done(&counts);
	return err;
}

struct bucket {
	double bound, count;
};

static int bucket_order(const void *a, const void *b)
{
	const struct bucket *x = a, *y = b;

	return (x->bound > y->bound) - (x->bound < y->bound);
}

/* As Prometheus does it: evenly within a bucket; above the last bound, that bound. */
static double quantile(double share, struct bucket *buckets, size_t count)
{
	double rank, low, below;
	size_t at = 0;

	if (count < 2 || !isinf(buckets[count - 1].bound) || !(buckets[count - 1].count > 0) ||
	    isnan(share))
		return NAN;
	if (share < 0)
		return -INFINITY;
	if (share > 1)
		return INFINITY;
	rank = share * buckets[count - 1].count;
	while (at + 1 < count && buckets[at].count < rank)
		at++;
	if (at == count - 1)
		return buckets[count - 2].bound;
	if (at == 0 && buckets[0].bound <= 0)
		return buckets[0].bound;
	low = at ? buckets[at - 1].bound : 0;
	below = at ? buckets[at - 1].count : 0;
	if (buckets[at].count <= below)
		return buckets[at].bound;
	return low + (buckets[at].bound - low) * (rank - below) / (buckets[at].count - below);
}

/* All buckets of one group, at one instant. */
static void quantile_at(const struct promql_result *of, const size_t *group_of, size_t group,
			size_t instant, double share, double *ret)
{
	struct bucket buckets[128];
	size_t count = 0;

	for (size_t i = 0; i < of->lines.len && count < array_len(buckets); i++) {
		double value = of->lines.data[i].values[instant];

		if (group_of[i] != group || promql_is_absent(value))
			continue;
		buckets[count].bound = strtod(promql_label(&of->lines.data[i].labels, "le"), NULL);
		buckets[count++].count = value;
	}
	if (!count)
		return;
	qsort(buckets, count, sizeof(*buckets), bucket_order);
	*ret = quantile(share, buckets, count);
}

static int add_quantiles(const struct promql_grid *grid, const struct promql_result *shares,
			 struct promql_result *of, size_t *group_of, struct promql_result *result)
{
	int err = 0;

	for (size_t i = 0; !err && i < of->lines.len; i++) {
		struct promql_labels labels = { 0 };
		struct promql_line *group;

		group_of[i] = SIZE_MAX;
		if (!*promql_label(&of->lines.data[i].labels, "le"))
			continue;
		err = promql_labels_copy(&of->lines.data[i].labels, &labels);
		drop_label(&labels, "le");
		drop_label(&labels, "__name__");
		if (err)
			promql_labels_done(&labels);
		err = err ?: find_group(result, grid, &labels, &group);
		if (!err)
			group_of[i] = (size_t)(group - result->lines.data);
	}
	for (size_t i = 0; !err && i < result->lines.len; i++)
		for (size_t k = 0; k < grid->count; k++)
			quantile_at(of, group_of, i, k, shares->lines.data[0].values[k],
				    &result->lines.data[i].values[k]);
	return err;
}

static int evaluate_quantile(struct store_reader *reader, const struct promql_node *node,
			     const struct promql_grid *grid, struct promql_result *result)
{
	struct promql_result shares = { 0 }, of = { 0 };
	size_t *group_of = NULL;
	int err = evaluate(reader, node->left, grid, &shares);

	err = err ?: evaluate(reader, node->right, grid, &of);
	if (!err && (!shares.is_scalar || of.is_scalar))
		err = fail(-EINVAL,
			   "histogram_quantile() takes a number and the buckets of a histogram");
	if (!err) {
		group_of = calloc(of.lines.len + 1, sizeof(*group_of));
		err = group_of ? add_quantiles(grid, &shares, &of, group_of, result) : -ENOMEM;
	}
	free(group_of);
	promql_result_done(&shares);
	promql_result_done(&of);
	return err;
}

static int evaluate(struct store_reader *reader, const struct promql_node *node,
		    const struct promql_grid *grid, struct promql_result *result)
{
	int err;

	switch (node->kind) {
	case PROMQL_NUMBER:
		return add_number(result, grid, node->number);
	case PROMQL_SELECTOR:
		return promql_read(reader, node, grid, result);
	case PROMQL_RATE:
	case PROMQL_INCREASE:
		err = promql_read(reader, node, grid, result);
		return err ?: drop_names(result);
	case PROMQL_QUANTILE:
		return evaluate_quantile(reader, node, grid, result);
	case PROMQL_AGGREGATE:
		return evaluate_aggregate(reader, node, grid, result);
	case PROMQL_BINARY:
		return evaluate_binary(reader, node, grid, result);
	default:
		err = evaluate(reader, node->left, grid, result);
		vec_each(line, &result->lines)
			for (size_t i = 0; i < grid->count; i++)
				if (!promql_is_absent(line->values[i]))
					line->values[i] = -line->values[i];
		return err ?: drop_names(result);
	}
}

int promql_evaluate(struct store_reader *reader, const struct promql_node *node,
		    const struct promql_grid *grid, struct promql_result *result)
{
	if (grid->count > PROMQL_MAX_POINTS) {
		int err = fail(-EINVAL, "a series has %d points at most", PROMQL_MAX_POINTS);

		hint("make 'step' longer, or the span shorter");
		return err;
	}
	return evaluate(reader, node, grid, result);
}
