/* SPDX-License-Identifier: MIT */
#include "serve/promql_scan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

void scan_blanks(struct promql_scan *parser)
{
	parser->at += strspn(parser->at, " \t\r\n");
}

bool scan_sign(struct promql_scan *parser, char sign)
{
	scan_blanks(parser);
	if (*parser->at != sign)
		return false;
	parser->at++;
	return true;
}

int scan_unexpected(const struct promql_scan *parser, const char *wanted)
{
	return *parser->at ? fail(-EINVAL, "%s should stand where '%.20s' does", wanted, parser->at)
			   : fail(-EINVAL, "%s is missing at the end", wanted);
}

int scan_refuse(const char *what)
{
	int err = fail(-EINVAL, "%s is not offered here", what);

	hint("there are rate, increase, histogram_quantile, sum, avg, min, max and count, by or "
	     "without labels, and arithmetic with a number");
	return err;
}

size_t scan_name(const char *text)
{
	size_t len = 0;

	while (isalpha((unsigned char)text[len]) || text[len] == '_' || text[len] == ':' ||
	       (len && isdigit((unsigned char)text[len])))
		len++;
	return len;
}

int promql_node_new(enum promql_kind kind, struct promql_node **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->kind = kind;
	return 0;
}
