/* SPDX-License-Identifier: MIT */
/* promql_labels.c - labels of series, and which series a selector names. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "serve/promql.h"
#include "store/rollup_read.h"

const char *promql_label(const struct promql_labels *labels, const char *name)
{
	vec_each(label, &labels->list)
		if (strcmp(label->name, name) == 0)
			return label->value;
	return "";
}

int promql_labels_add(struct promql_labels *labels, const char *name, const char *value)
{
	struct promql_label label = { strdup(name), strdup(value) };
	int err = label.name && label.value ? vec_push(&labels->list, label) : -ENOMEM;

	if (err) {
		free(label.name);
		free(label.value);
	}
	return err;
}

int promql_labels_copy(const struct promql_labels *from, struct promql_labels *to)
{
	int err = 0;

	vec_each(label, &from->list)
		err = err ?: promql_labels_add(to, label->name, label->value);
	return err;
}

bool promql_labels_same(const struct promql_labels *a, const struct promql_labels *b)
{
	if (a->list.len != b->list.len)
		return false;
	for (size_t i = 0; i < a->list.len; i++)
		if (strcmp(a->list.data[i].name, b->list.data[i].name) != 0 ||
		    strcmp(a->list.data[i].value, b->list.data[i].value) != 0)
			return false;
	return true;
}

void promql_labels_done(struct promql_labels *labels)
{
	vec_each(label, &labels->list) {
		free(label->name);
		free(label->value);
	}
	vec_done(&labels->list);
}

bool promql_selects(const struct promql_selector *selector, const struct promql_labels *labels)
{
	vec_each(matcher, &selector->matchers) {
		const char *value = promql_label(labels, matcher->name);
		bool is_it = matcher->has_regex ? regexec(&matcher->regex, value, 0, NULL, 0) == 0
						: strcmp(value, matcher->value) == 0;
		bool is_not =
			matcher->compare == PROMQL_UNEQUAL || matcher->compare == PROMQL_UNLIKE;

		if (is_it == is_not)
			return false;
	}
	return true;
}

/* name="value",... as the store has them (rollup_put_label()). */
static int add_stored(struct promql_labels *labels, const char *text)
{
	char name[64], value[ROLLUP_LABELS_BYTES];
	int err = 0;

	while (!err && *text) {
		size_t len = strcspn(text, "="), used = 0;

		if (len >= sizeof(name) || text[len] != '=' || text[len + 1] != '"')
			return fail(-EUCLEAN, "the store has labels that make no sense");
		memcpy(name, text, len);
		name[len] = '\0';
		for (text += len + 2; *text && *text != '"' && used + 1 < sizeof(value); text++) {
			bool is_escaped = *text == '\\' && text[1];

			text += is_escaped;
			value[used++] = is_escaped && *text == 'n' ? '\n' : *text;
		}
		value[used] = '\0';
		text += *text == '"';
		text += *text == ',';
		err = promql_labels_add(labels, name, value);
	}
	return err;
}

struct walk {
	const struct promql_selector *selector;
	int metric;
	int (*each)(void *context, const struct promql_series *series);
	void *context;
};

static int offer(const struct walk *walk, const struct promql_series *series)
{
	return !walk->selector || promql_selects(walk->selector, series->labels)
		       ? walk->each(walk->context, series)
		       : 0;
}

/* "metric_bucket" with its bound as "le", or another part of a histogram. */
static int offer_part(const struct walk *walk, const struct promql_series *series,
		      const char *stored)
{
	static const char *const endings[] = {
		[PROMQL_WHOLE] = "",
		[PROMQL_BUCKET] = "_bucket",
		[PROMQL_PART_SUM] = "_sum",
		[PROMQL_PART_COUNT] = "_count",
	};
	struct promql_series part = *series;
	struct promql_labels labels = { 0 };
	char text[96];
	int err;

	snprintf(text, sizeof(text), "%s%s", rollup_metrics[series->metric].name,
		 endings[series->part]);
	err = promql_labels_add(&labels, "__name__", text);
	err = err ?: add_stored(&labels, stored);
	snprintf(text, sizeof(text), "%.12g", (double)rollup_bound(part.bound) / 1e9);
	if (!err && part.part == PROMQL_BUCKET)
		err = promql_labels_add(&labels, "le", part.bound < ROLLUP_BOUNDS ? text : "+Inf");
	part.labels = &labels;
	err = err ?: offer(walk, &part);
	promql_labels_done(&labels);
	return err;
}

static int take_series(void *context, int64_t id, const char *stored)
{
	const struct walk *walk = context;
	struct promql_series series = { .metric = walk->metric, .id = id };
	int err = 0;

	if (rollup_metrics[walk->metric].shape == ROLLUP_COUNTER)
		return offer_part(walk, &series, stored);
	series.part = PROMQL_BUCKET;
	for (series.bound = 0; !err && series.bound <= ROLLUP_BOUNDS; series.bound++)
		err = offer_part(walk, &series, stored);
	series.bound = 0;
	for (series.part = PROMQL_PART_SUM; !err && series.part <= PROMQL_PART_COUNT; series.part++)
		err = offer_part(walk, &series, stored);
	return err;
}

/* Whether a metric can be what is asked for: most questions name one. */
static bool may_be(const struct promql_selector *selector, const struct rollup_metric *metric)
{
	size_t len = strlen(metric->name);

	if (!selector)
		return true;
	vec_each(matcher, &selector->matchers)
		if (strcmp(matcher->name, "__name__") == 0 && matcher->compare == PROMQL_EQUAL &&
		    strncmp(matcher->value, metric->name, len) != 0)
			return false;
	return true;
}

int promql_each_series(struct store_reader *reader, const struct promql_selector *selector,
		       int (*each)(void *context, const struct promql_series *series),
		       void *context)
{
	int err = 0;

	for (int i = 0; !err && rollup_metrics[i].name; i++) {
		struct walk walk = { selector, i, each, context };

		if (may_be(selector, &rollup_metrics[i]))
			err = rollup_each_series(reader, i, take_series, &walk);
	}
	return err;
}
