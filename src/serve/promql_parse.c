/* SPDX-License-Identifier: MIT */
#include "serve/promql_scan.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static int parse_sum(struct promql_scan *parser, struct promql_node **ret);
static int parse_power(struct promql_scan *parser, struct promql_node **ret);

void promql_free(struct promql_node *node)
{
	if (!node)
		return;
	promql_free(node->left);
	promql_free(node->right);
	vec_each(matcher, &node->selector.matchers) {
		free(matcher->name);
		free(matcher->value);
		if (matcher->has_regex)
			regfree(&matcher->regex);
	}
	vec_done(&node->selector.matchers);
	vec_each(label, &node->labels)
		free(*label);
	vec_done(&node->labels);
	free(node);
}

int promql_parse_duration(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 },       { "s", 1000 },      { "m", 60000 },       { "h", 3600000 },
		{ "d", 86400000 }, { "w", 604800000 }, { "y", 31536000000 },
	};
	uint64_t sum = 0;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	while (isdigit((unsigned char)*text)) {
		uint64_t number = 0, part, ms = 0;
		size_t len;

		for (; isdigit((unsigned char)*text); text++)
			if (__builtin_mul_overflow(number, 10u, &number) ||
			    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
				return -EINVAL;
		len = strspn(text, "mshdwy");
		for (size_t i = 0; i < array_len(units); i++)
			if (strlen(units[i].name) == len && strncmp(units[i].name, text, len) == 0)
				ms = units[i].ms;
		if (!ms || __builtin_mul_overflow(number, ms, &part) ||
		    __builtin_add_overflow(sum, part, &sum) || sum > 100 * units[6].ms)
			return -EINVAL;
		text += len;
	}
	*ret_ms = sum;
	return *text ? -EINVAL : 0;
}

static int parse_labels(struct promql_scan *parser, struct promql_node *node)
{
	int err = scan_sign(parser, '(') ? 0 : scan_unexpected(parser, "(");

	while (!err && !scan_sign(parser, ')')) {
		size_t len;
		char *label;

		scan_blanks(parser);
		len = scan_name(parser->at);
		if (!len)
			return scan_unexpected(parser, "the name of a label");
		label = strndup(parser->at, len);
		err = label ? vec_push(&node->labels, label) : -ENOMEM;
		if (err)
			free(label);
		parser->at += len;
		if (!err && !scan_sign(parser, ',') && *parser->at != ')')
			err = scan_unexpected(parser, ", or )");
	}
	return err;
}

/* by (...) or without (...), before or behind what is aggregated. */
static int parse_grouping(struct promql_scan *parser, struct promql_node *node, bool *is_there)
{
	size_t len;

	scan_blanks(parser);
	len = scan_name(parser->at);
	if (*is_there || !((len == 2 && strncmp(parser->at, "by", 2) == 0) ||
			   (len == 7 && strncmp(parser->at, "without", 7) == 0)))
		return 0;
	*is_there = true;
	node->is_without = len == 7;
	parser->at += len;
	return parse_labels(parser, node);
}

static int parse_aggregate(struct promql_scan *parser, enum promql_aggregate aggregate,
			   struct promql_node **ret)
{
	bool is_grouped = false;
	int err = promql_node_new(PROMQL_AGGREGATE, ret);

	if (err)
		return err;
	(*ret)->aggregate = aggregate;
	err = parse_grouping(parser, *ret, &is_grouped);
	if (!err && !scan_sign(parser, '('))
		err = scan_unexpected(parser, "(");
	err = err ?: parse_sum(parser, &(*ret)->left);
	if (!err && !scan_sign(parser, ')'))
		err = scan_unexpected(parser, ")");
	return err ?: parse_grouping(parser, *ret, &is_grouped);
}

static int parse_rate(struct promql_scan *parser, enum promql_kind kind, struct promql_node **ret)
{
	int err = scan_sign(parser, '(') ? 0 : scan_unexpected(parser, "(");

	err = err ?: parse_sum(parser, ret);
	if (err)
		return err;
	if ((*ret)->kind != PROMQL_SELECTOR || !(*ret)->selector.range_ms)
		return fail(-EINVAL, "%s() takes a metric over a span of time, such as metric[5m]",
			    kind == PROMQL_RATE ? "rate" : "increase");
	(*ret)->kind = kind;
	return scan_sign(parser, ')') ? 0 : scan_unexpected(parser, ")");
}

static int parse_quantile(struct promql_scan *parser, struct promql_node **ret)
{
	int err = promql_node_new(PROMQL_QUANTILE, ret);

	if (!err && !scan_sign(parser, '('))
		err = scan_unexpected(parser, "(");
	err = err ?: parse_sum(parser, &(*ret)->left);
	if (!err && !scan_sign(parser, ','))
		err = scan_unexpected(parser, ",");
	err = err ?: parse_sum(parser, &(*ret)->right);
	if (!err && !scan_sign(parser, ')'))
		err = scan_unexpected(parser, ")");
	return err;
}

static int parse_name(struct promql_scan *parser, struct promql_node **ret)
{
	static const char *const aggregates[] = {
		[PROMQL_SUM] = "sum", [PROMQL_AVG] = "avg",     [PROMQL_MIN] = "min",
		[PROMQL_MAX] = "max", [PROMQL_COUNT] = "count",
	};
	const char *name = parser->at;
	size_t len = scan_name(name);
	char word[64], said[80];

	snprintf(word, sizeof(word), "%.*s", (int)len, name);
	parser->at += len;
	scan_blanks(parser);
	for (size_t i = 0; i < array_len(aggregates); i++)
		if (strcmp(word, aggregates[i]) == 0)
			return parse_aggregate(parser, (enum promql_aggregate)i, ret);
	if (strcmp(word, "rate") == 0 || strcmp(word, "increase") == 0)
		return parse_rate(parser, *word == 'r' ? PROMQL_RATE : PROMQL_INCREASE, ret);
	if (strcmp(word, "histogram_quantile") == 0)
		return parse_quantile(parser, ret);
	if (strcasecmp(word, "inf") == 0 || strcasecmp(word, "nan") == 0) {
		int err = promql_node_new(PROMQL_NUMBER, ret);

		if (!err)
			(*ret)->number = *word == 'i' || *word == 'I' ? INFINITY : NAN;
		return err;
	}
	if (*parser->at == '(') {
		snprintf(said, sizeof(said), "the function '%s'", word);
		return scan_refuse(said);
	}
	return scan_selector(parser, name, len, ret);
}

static int parse_number(struct promql_scan *parser, struct promql_node **ret)
{
	char *end;
	double number = strtod(parser->at, &end);
	int err;

	if (scan_name(end))
		return scan_unexpected(parser, "a number");
	err = promql_node_new(PROMQL_NUMBER, ret);
	if (!err)
		(*ret)->number = number;
	parser->at = end;
	return err;
}

static int parse_one(struct promql_scan *parser, struct promql_node **ret)
{
	int err;

	scan_blanks(parser);
	if (parser->depth >= PROMQL_MAX_DEPTH)
		return fail(-EINVAL, "an expression is nested %d deep at most", PROMQL_MAX_DEPTH);
	parser->depth++;
	if (scan_sign(parser, '(')) {
		err = parse_sum(parser, ret);
		if (!err && !scan_sign(parser, ')'))
			err = scan_unexpected(parser, ")");
	} else if (scan_sign(parser, '-')) {
		err = promql_node_new(PROMQL_NEGATIVE, ret);
		err = err ?: parse_power(parser, &(*ret)->left); /* -2 ^ 2 is -(2 ^ 2) */
	} else if (isdigit((unsigned char)*parser->at) || *parser->at == '.') {
		err = parse_number(parser, ret);
	} else if (scan_name(parser->at)) {
		err = parse_name(parser, ret);
	} else if (*parser->at == '{') {
		err = scan_selector(parser, "", 0, ret);
	} else {
		err = scan_unexpected(parser, "an expression");
	}
	parser->depth--;
	return err;
}

/* What stands before and behind a sign become its sides. */
static int put_binary(struct promql_node **left, char sign, struct promql_node *right)
{
	struct promql_node *node = NULL;
	int err = promql_node_new(PROMQL_BINARY, &node);

	if (err) {
		promql_free(right);
		return err;
	}
	node->sign = sign;
	node->left = *left;
	node->right = right;
	*left = node;
	return 0;
}

static int parse_power(struct promql_scan *parser, struct promql_node **ret)
{
	struct promql_node *right = NULL;
	int err = parse_one(parser, ret);

	if (err || !scan_sign(parser, '^'))
		return err;
	if (parser->depth >= PROMQL_MAX_DEPTH)
		return fail(-EINVAL, "an expression is nested %d deep at most", PROMQL_MAX_DEPTH);
	parser->depth++;
	err = parse_power(parser, &right);
	parser->depth--;
	if (err) {
		promql_free(right);
		return err;
	}
	return put_binary(ret, '^', right);
}

static int parse_chain(struct promql_scan *parser, const char *signs,
		       int (*part)(struct promql_scan *, struct promql_node **),
		       struct promql_node **ret)
{
	int err = part(parser, ret);

	for (size_t count = 0; !err; count++) {
		struct promql_node *right = NULL;
		char sign;

		scan_blanks(parser);
		sign = *parser->at;
		if (!sign || !strchr(signs, sign))
			return 0;
		/* Each makes the tree deeper by one. */
		if (count >= PROMQL_MAX_DEPTH)
			return fail(-EINVAL, "at most %d of '%s' follow one another",
				    PROMQL_MAX_DEPTH, signs);
		parser->at++;
		err = part(parser, &right);
		if (err)
			promql_free(right);
		else
			err = put_binary(ret, sign, right);
	}
	return err;
}

static int parse_product(struct promql_scan *parser, struct promql_node **ret)
{
	return parse_chain(parser, "*/%", parse_power, ret);
}

static int parse_sum(struct promql_scan *parser, struct promql_node **ret)
{
	return parse_chain(parser, "+-", parse_product, ret);
}

/* What Prometheus could go on with, and we do not. */
static int refuse_rest(struct promql_scan *parser)
{
	static const char *const words[] = { "offset", "and", "or",      "unless",
					     "bool",   "on",  "ignoring" };
	size_t len;
	char said[64];

	scan_blanks(parser);
	if (!*parser->at)
		return 0;
	len = scan_name(parser->at);
	for (size_t i = 0; i < array_len(words); i++)
		if (strlen(words[i]) == len && strncmp(words[i], parser->at, len) == 0) {
			snprintf(said, sizeof(said), "'%s'", words[i]);
			return scan_refuse(said);
		}
	if (strchr("=!<>", *parser->at))
		return scan_refuse("a comparison");
	return scan_unexpected(parser, "the end");
}

static int parse_whole(const char *text,
		       int (*parse)(struct promql_scan *parser, struct promql_node **ret),
		       struct promql_node **ret_node)
{
	struct promql_scan parser = { .at = text };
	struct promql_node *node = NULL;
	int err;

	if (strlen(text) > PROMQL_MAX_BYTES)
		return fail(-EINVAL, "an expression has %d bytes at most", PROMQL_MAX_BYTES);
	err = parse(&parser, &node);
	err = err ?: refuse_rest(&parser);
	if (err)
		promql_free(node);
	else
		*ret_node = node;
	return err;
}

int promql_parse(const char *text, struct promql_node **ret_node)
{
	return parse_whole(text, parse_sum, ret_node);
}

static int parse_alone(struct promql_scan *parser, struct promql_node **ret)
{
	const char *name;
	size_t len;

	scan_blanks(parser);
	name = parser->at;
	len = scan_name(name);
	parser->at += len;
	return scan_selector(parser, name, len, ret);
}

int promql_parse_selector(const char *text, struct promql_node **ret_node)
{
	return parse_whole(text, parse_alone, ret_node);
}
