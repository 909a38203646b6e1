/* SPDX-License-Identifier: MIT */
#include "serve/promql.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

struct parser {
	const char *at;
	unsigned depth;
};

static int parse_sum(struct parser *parser, struct promql_node **ret);
static int parse_power(struct parser *parser, struct promql_node **ret);

static void skip_blanks(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t\r\n");
}

static bool accept_sign(struct parser *parser, char sign)
{
	skip_blanks(parser);
	if (*parser->at != sign)
		return false;
	parser->at++;
	return true;
}

static int unexpected(const struct parser *parser, const char *wanted)
{
	return *parser->at ? fail(-EINVAL, "%s should stand where '%.20s' does", wanted, parser->at)
			   : fail(-EINVAL, "%s is missing at the end", wanted);
}

static int refuse(const char *what)
{
	int err = fail(-EINVAL, "%s is not offered here", what);

	hint("there are rate, increase, histogram_quantile, sum, avg, min, max and count, by or "
	     "without labels, and arithmetic with a number");
	return err;
}

static size_t name_length(const char *text)
{
	size_t len = 0;

	while (isalpha((unsigned char)text[len]) || text[len] == '_' || text[len] == ':' ||
	       (len && isdigit((unsigned char)text[len])))
		len++;
	return len;
}

static int new_node(enum promql_kind kind, struct promql_node **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->kind = kind;
	return 0;
}

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

/* "text", 'text' with escapes, or `text` as it is. */
static int parse_text(struct parser *parser, char **ret)
{
	char quote, *text;
	size_t len = 0;

	skip_blanks(parser);
	quote = *parser->at;
	if (quote != '"' && quote != '\'' && quote != '`')
		return unexpected(parser, "a text in quotes");
	text = malloc(strlen(parser->at));
	if (!text)
		return -ENOMEM;
	for (parser->at++; *parser->at && *parser->at != quote; parser->at++) {
		if (*parser->at == '\\' && quote != '`' && parser->at[1]) {
			parser->at++;
			text[len++] = *parser->at == 'n'   ? '\n'
				      : *parser->at == 't' ? '\t'
							   : *parser->at;
			continue;
		}
		text[len++] = *parser->at;
	}
	text[len] = '\0';
	*ret = text;
	if (*parser->at != quote)
		return fail(-EINVAL, "a text has no end");
	parser->at++;
	return 0;
}

#define PATTERN_MAX_REPEATS 8

static int parse_compare(struct parser *parser, enum promql_compare *ret)
{
	static const char *const signs[] = {
		[PROMQL_LIKE] = "=~",
		[PROMQL_UNLIKE] = "!~",
		[PROMQL_UNEQUAL] = "!=",
		[PROMQL_EQUAL] = "=",
	};

	skip_blanks(parser);
	for (size_t i = array_len(signs); i-- > 0;) {
		if (strncmp(parser->at, signs[i], strlen(signs[i])) != 0)
			continue;
		parser->at += strlen(signs[i]);
		*ret = (enum promql_compare)i;
		return 0;
	}
	return unexpected(parser, "=, !=, =~ or !~");
}

/* Whether something in a pattern is not offered.  What regcomp() makes of "+" is twice what stands before it,
 * so no repeat is repeated, and there are few.
 */
static const char *find_refused(const char *at)
{
	size_t repeats = 0;

	for (; *at; at++) {
		if (*at == '[') { /* what stands in it repeats nothing */
			at += 1 + (at[1] == '^');
			at += *at == ']';
			at += strcspn(at, "]");
			if (!*at)
				return NULL; /* regcomp() says what is wrong */
		}
		if ((*at == '(' && at[1] == '?') || *at == '{')
			return at;
		if (*at == '\\' && (isalnum((unsigned char)at[1]) || !at[1]))
			return at;
		if (strchr("*+?", *at) && at[1] && strchr("*+?", at[1]))
			return at;
		if (*at == '+' && ++repeats > PATTERN_MAX_REPEATS)
			return at;
		if (*at == '\\')
			at++;
	}
	return NULL;
}

/* As Prometheus has them, as far as those of POSIX mean the same: counted repeats and what is written with
 * (? or a backslash and a letter or digit do not, or cost too much.
 */
static int compile(struct promql_matcher *matcher)
{
	const char *refused = find_refused(matcher->value);
	char *whole = NULL;
	int err;

	if (refused)
		return fail(-EINVAL, "'%.3s' in a pattern is not offered here", refused);
	if (strlen(matcher->value) > 512)
		return fail(-EINVAL, "a pattern has 512 bytes at most");
	if (asprintf(&whole, "^(%s)$", matcher->value) < 0)
		return -ENOMEM;
	err = regcomp(&matcher->regex, whole, REG_EXTENDED | REG_NOSUB);
	free(whole);
	matcher->has_regex = !err;
	return err ? fail(-EINVAL, "the pattern '%s' makes no sense", matcher->value) : 0;
}

static int add_matcher(struct promql_selector *selector, char *name, enum promql_compare compare,
		       char *value)
{
	struct promql_matcher matcher = { .name = name, .value = value, .compare = compare };
	int err = compare == PROMQL_LIKE || compare == PROMQL_UNLIKE ? compile(&matcher) : 0;

	err = err ?: vec_push(&selector->matchers, matcher);
	if (err && matcher.has_regex)
		regfree(&matcher.regex);
	return err;
}

static int parse_matcher(struct parser *parser, struct promql_selector *selector)
{
	enum promql_compare compare = PROMQL_EQUAL;
	char *name = NULL, *value = NULL;
	size_t len;
	int err;

	skip_blanks(parser);
	len = name_length(parser->at);
	if (!len)
		return unexpected(parser, "the name of a label");
	name = strndup(parser->at, len);
	parser->at += len;
	err = name ? parse_compare(parser, &compare) : -ENOMEM;
	err = err ?: parse_text(parser, &value);
	err = err ?: add_matcher(selector, name, compare, value);
	if (err) {
		free(name);
		free(value);
	}
	return err;
}

static int parse_range(struct parser *parser, struct promql_selector *selector)
{
	char text[32];
	size_t len;

	if (!accept_sign(parser, '['))
		return 0;
	skip_blanks(parser);
	len = strcspn(parser->at, "] \t:");
	if (len >= sizeof(text))
		return unexpected(parser, "a span of time such as 5m");
	memcpy(text, parser->at, len);
	text[len] = '\0';
	if (promql_parse_duration(text, &selector->range_ms) || !selector->range_ms)
		return unexpected(parser, "a span of time such as 5m");
	parser->at += len;
	if (accept_sign(parser, ':'))
		return refuse("a query within a query");
	return accept_sign(parser, ']') ? 0 : unexpected(parser, "]");
}

/* @name: of the metric, which was read already; "" for none */
static int parse_selector(struct parser *parser, const char *name, size_t len,
			  struct promql_node **ret)
{
	char *metric, *label;
	int err = new_node(PROMQL_SELECTOR, ret);

	if (!err && len) {
		metric = strndup(name, len);
		label = strdup("__name__");
		err = metric && label ? add_matcher(&(*ret)->selector, label, PROMQL_EQUAL, metric)
				      : -ENOMEM;
		if (err) {
			free(metric);
			free(label);
		}
	}
	if (!err && accept_sign(parser, '{'))
		while (!err && !accept_sign(parser, '}')) {
			err = parse_matcher(parser, &(*ret)->selector);
			if (!err && !accept_sign(parser, ',') && *parser->at != '}')
				err = unexpected(parser, ", or }");
		}
	if (!err && !(*ret)->selector.matchers.len)
		err = fail(-EINVAL, "a selector needs a metric or a label");
	err = err ?: parse_range(parser, &(*ret)->selector);
	skip_blanks(parser);
	if (!err && *parser->at == '@')
		err = refuse("'@'");
	return err;
}

static int parse_labels(struct parser *parser, struct promql_node *node)
{
	int err = accept_sign(parser, '(') ? 0 : unexpected(parser, "(");

	while (!err && !accept_sign(parser, ')')) {
		size_t len;
		char *label;

		skip_blanks(parser);
		len = name_length(parser->at);
		if (!len)
			return unexpected(parser, "the name of a label");
		label = strndup(parser->at, len);
		err = label ? vec_push(&node->labels, label) : -ENOMEM;
		if (err)
			free(label);
		parser->at += len;
		if (!err && !accept_sign(parser, ',') && *parser->at != ')')
			err = unexpected(parser, ", or )");
	}
	return err;
}

/* by (...) or without (...), before or behind what is aggregated. */
static int parse_grouping(struct parser *parser, struct promql_node *node, bool *is_there)
{
	size_t len;

	skip_blanks(parser);
	len = name_length(parser->at);
	if (*is_there || !((len == 2 && strncmp(parser->at, "by", 2) == 0) ||
			   (len == 7 && strncmp(parser->at, "without", 7) == 0)))
		return 0;
	*is_there = true;
	node->is_without = len == 7;
	parser->at += len;
	return parse_labels(parser, node);
}

static int parse_aggregate(struct parser *parser, enum promql_aggregate aggregate,
			   struct promql_node **ret)
{
	bool is_grouped = false;
	int err = new_node(PROMQL_AGGREGATE, ret);

	if (err)
		return err;
	(*ret)->aggregate = aggregate;
	err = parse_grouping(parser, *ret, &is_grouped);
	if (!err && !accept_sign(parser, '('))
		err = unexpected(parser, "(");
	err = err ?: parse_sum(parser, &(*ret)->left);
	if (!err && !accept_sign(parser, ')'))
		err = unexpected(parser, ")");
	return err ?: parse_grouping(parser, *ret, &is_grouped);
}

static int parse_rate(struct parser *parser, enum promql_kind kind, struct promql_node **ret)
{
	int err = accept_sign(parser, '(') ? 0 : unexpected(parser, "(");

	err = err ?: parse_sum(parser, ret);
	if (err)
		return err;
	if ((*ret)->kind != PROMQL_SELECTOR || !(*ret)->selector.range_ms)
		return fail(-EINVAL, "%s() takes a metric over a span of time, such as metric[5m]",
			    kind == PROMQL_RATE ? "rate" : "increase");
	(*ret)->kind = kind;
	return accept_sign(parser, ')') ? 0 : unexpected(parser, ")");
}

static int parse_quantile(struct parser *parser, struct promql_node **ret)
{
	int err = new_node(PROMQL_QUANTILE, ret);

	if (!err && !accept_sign(parser, '('))
		err = unexpected(parser, "(");
	err = err ?: parse_sum(parser, &(*ret)->left);
	if (!err && !accept_sign(parser, ','))
		err = unexpected(parser, ",");
	err = err ?: parse_sum(parser, &(*ret)->right);
	if (!err && !accept_sign(parser, ')'))
		err = unexpected(parser, ")");
	return err;
}

static int parse_name(struct parser *parser, struct promql_node **ret)
{
	static const char *const aggregates[] = {
		[PROMQL_SUM] = "sum", [PROMQL_AVG] = "avg",     [PROMQL_MIN] = "min",
		[PROMQL_MAX] = "max", [PROMQL_COUNT] = "count",
	};
	const char *name = parser->at;
	size_t len = name_length(name);
	char word[64], said[80];

	snprintf(word, sizeof(word), "%.*s", (int)len, name);
	parser->at += len;
	skip_blanks(parser);
	for (size_t i = 0; i < array_len(aggregates); i++)
		if (strcmp(word, aggregates[i]) == 0)
			return parse_aggregate(parser, (enum promql_aggregate)i, ret);
	if (strcmp(word, "rate") == 0 || strcmp(word, "increase") == 0)
		return parse_rate(parser, *word == 'r' ? PROMQL_RATE : PROMQL_INCREASE, ret);
	if (strcmp(word, "histogram_quantile") == 0)
		return parse_quantile(parser, ret);
	if (strcasecmp(word, "inf") == 0 || strcasecmp(word, "nan") == 0) {
		int err = new_node(PROMQL_NUMBER, ret);

		if (!err)
			(*ret)->number = *word == 'i' || *word == 'I' ? INFINITY : NAN;
		return err;
	}
	if (*parser->at == '(') {
		snprintf(said, sizeof(said), "the function '%s'", word);
		return refuse(said);
	}
	return parse_selector(parser, name, len, ret);
}

static int parse_number(struct parser *parser, struct promql_node **ret)
{
	char *end;
	double number = strtod(parser->at, &end);
	int err;

	if (name_length(end))
		return unexpected(parser, "a number");
	err = new_node(PROMQL_NUMBER, ret);
	if (!err)
		(*ret)->number = number;
	parser->at = end;
	return err;
}

static int parse_one(struct parser *parser, struct promql_node **ret)
{
	int err;

	skip_blanks(parser);
	if (parser->depth >= PROMQL_MAX_DEPTH)
		return fail(-EINVAL, "an expression is nested %d deep at most", PROMQL_MAX_DEPTH);
	parser->depth++;
	if (accept_sign(parser, '(')) {
		err = parse_sum(parser, ret);
		if (!err && !accept_sign(parser, ')'))
			err = unexpected(parser, ")");
	} else if (accept_sign(parser, '-')) {
		err = new_node(PROMQL_NEGATIVE, ret);
		err = err ?: parse_power(parser, &(*ret)->left); /* -2 ^ 2 is -(2 ^ 2) */
	} else if (isdigit((unsigned char)*parser->at) || *parser->at == '.') {
		err = parse_number(parser, ret);
	} else if (name_length(parser->at)) {
		err = parse_name(parser, ret);
	} else if (*parser->at == '{') {
		err = parse_selector(parser, "", 0, ret);
	} else {
		err = unexpected(parser, "an expression");
	}
	parser->depth--;
	return err;
}

/* What stands before and behind a sign become its sides. */
static int put_binary(struct promql_node **left, char sign, struct promql_node *right)
{
	struct promql_node *node = NULL;
	int err = new_node(PROMQL_BINARY, &node);

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

static int parse_power(struct parser *parser, struct promql_node **ret)
{
	struct promql_node *right = NULL;
	int err = parse_one(parser, ret);

	if (err || !accept_sign(parser, '^'))
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

static int parse_chain(struct parser *parser, const char *signs,
		       int (*part)(struct parser *, struct promql_node **),
		       struct promql_node **ret)
{
	int err = part(parser, ret);

	for (size_t count = 0; !err; count++) {
		struct promql_node *right = NULL;
		char sign;

		skip_blanks(parser);
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

static int parse_product(struct parser *parser, struct promql_node **ret)
{
	return parse_chain(parser, "*/%", parse_power, ret);
}

static int parse_sum(struct parser *parser, struct promql_node **ret)
{
	return parse_chain(parser, "+-", parse_product, ret);
}

/* What Prometheus could go on with, and we do not. */
static int refuse_rest(struct parser *parser)
{
	static const char *const words[] = { "offset", "and", "or",      "unless",
					     "bool",   "on",  "ignoring" };
	size_t len;
	char said[64];

	skip_blanks(parser);
	if (!*parser->at)
		return 0;
	len = name_length(parser->at);
	for (size_t i = 0; i < array_len(words); i++)
		if (strlen(words[i]) == len && strncmp(words[i], parser->at, len) == 0) {
			snprintf(said, sizeof(said), "'%s'", words[i]);
			return refuse(said);
		}
	if (strchr("=!<>", *parser->at))
		return refuse("a comparison");
	return unexpected(parser, "the end");
}

static int parse_whole(const char *text,
		       int (*parse)(struct parser *parser, struct promql_node **ret),
		       struct promql_node **ret_node)
{
	struct parser parser = { .at = text };
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

static int parse_alone(struct parser *parser, struct promql_node **ret)
{
	const char *name;
	size_t len;

	skip_blanks(parser);
	name = parser->at;
	len = name_length(name);
	parser->at += len;
	return parse_selector(parser, name, len, ret);
}

int promql_parse_selector(const char *text, struct promql_node **ret_node)
{
	return parse_whole(text, parse_alone, ret_node);
}
