/* SPDX-License-Identifier: MIT */
/* promql_scan.h - the smallest parts of a query, read from where it stands; for src/serve/promql_*.c alone. */
#ifndef SERVE_PROMQL_SCAN_H
#define SERVE_PROMQL_SCAN_H

#include "serve/promql.h"

struct promql_scan {
	const char *at;
	unsigned depth;
};

void scan_blanks(struct promql_scan *parser);

/** scan_sign - behind blanks; whether it stood there, and was taken */
bool scan_sign(struct promql_scan *parser, char sign);

/** scan_unexpected, scan_refuse - what is wrong here.  Return: -EINVAL with fail() said */
int scan_unexpected(const struct promql_scan *parser, const char *wanted);
int scan_refuse(const char *what);

/** scan_name - how long the name is that a text begins with; 0: none */
size_t scan_name(const char *text);

/** promql_node_new - Return: 0; -ENOMEM */
nodiscard int promql_node_new(enum promql_kind kind, struct promql_node **ret);

/**
 * scan_selector - metric{label="value",...}[range]
 * @name: of the metric, which was read already; "" for none
 *
 * Return: 0; -EINVAL with fail() said; -ENOMEM.  What is in *@ret is the caller's either way.
 */
nodiscard int scan_selector(struct promql_scan *parser, const char *name, size_t len,
			    struct promql_node **ret);

#endif
