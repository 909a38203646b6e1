/* SPDX-License-Identifier: MIT */
/* promql_selector.c - a metric and its labels, with patterns as POSIX has them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "serve/promql_scan.h"

/* "text", 'text' with escapes, or `text` as it is. */
static int parse_text(struct promql_scan *parser, char **ret)
{
	char quote, *text;
	size_t len = 0;

	scan_blanks(parser);
	quote = *parser->at;
	if (quote != '"' && quote != '\'' && quote != '`')
		return scan_unexpected(parser, "a text in quotes");
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

static int parse_compare(struct promql_scan *parser, enum promql_compare *ret)
{
	static const char *const signs[] = {
		[PROMQL_LIKE] = "=~",
		[PROMQL_UNLIKE] = "!~",
		[PROMQL_UNEQUAL] = "!=",
		[PROMQL_EQUAL] = "=",
	};

	scan_blanks(parser);
	for (size_t i = array_len(signs); i-- > 0;) {
		if (strncmp(parser->at, signs[i], strlen(signs[i])) != 0)
			continue;
		parser->at += strlen(signs[i]);
		*ret = (enum promql_compare)i;
		return 0;
	}
	return scan_unexpected(parser, "=, !=, =~ or !~");
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

static int parse_matcher(struct promql_scan *parser, struct promql_selector *selector)
{
	enum promql_compare compare = PROMQL_EQUAL;
	char *name = NULL, *value = NULL;
	size_t len;
	int err;

	scan_blanks(parser);
	len = scan_name(parser->at);
	if (!len)
		return scan_unexpected(parser, "the name of a label");
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

static int parse_range(struct promql_scan *parser, struct promql_selector *selector)
{
	char text[32];
	size_t len;

	if (!scan_sign(parser, '['))
		return 0;
	scan_blanks(parser);
	len = strcspn(parser->at, "] \t:");
	if (len >= sizeof(text))
		return scan_unexpected(parser, "a span of time such as 5m");
	memcpy(text, parser->at, len);
	text[len] = '\0';
	if (promql_parse_duration(text, &selector->range_ms) || !selector->range_ms)
		return scan_unexpected(parser, "a span of time such as 5m");
	parser->at += len;
	if (scan_sign(parser, ':'))
		return scan_refuse("a query within a query");
	return scan_sign(parser, ']') ? 0 : scan_unexpected(parser, "]");
}

int scan_selector(struct promql_scan *parser, const char *name, size_t len,
		  struct promql_node **ret)
{
	char *metric, *label;
	int err = promql_node_new(PROMQL_SELECTOR, ret);

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
	if (!err && scan_sign(parser, '{'))
		while (!err && !scan_sign(parser, '}')) {
			err = parse_matcher(parser, &(*ret)->selector);
			if (!err && !scan_sign(parser, ',') && *parser->at != '}')
				err = scan_unexpected(parser, ", or }");
		}
	if (!err && !(*ret)->selector.matchers.len)
		err = fail(-EINVAL, "a selector needs a metric or a label");
	err = err ?: parse_range(parser, &(*ret)->selector);
	scan_blanks(parser);
	if (!err && *parser->at == '@')
		err = scan_refuse("'@'");
	return err;
}
