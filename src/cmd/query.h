/* SPDX-License-Identifier: MIT */
/* query.h - `kymo query`: what was recorded, by time and condition. */
#ifndef CMD_QUERY_H
#define CMD_QUERY_H

#include "cmd/history.h"

int query_run(const struct arguments *arguments);

/* What differs between looking and taking away. */
struct query_manner {
	const char *profile_format; /* where none is named */
	const char *order;          /* NULL: the newest first */
	uint64_t limit;             /* 0: all */
	enum answer_format format;
};

/** query_put - ask and write.  Return: 0; -errno with fail() said */
nodiscard int query_put(const struct arguments *arguments, const struct query_manner *manner);

#endif
