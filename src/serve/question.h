/* SPDX-License-Identifier: MIT */
/* question.h - the parameters of a request as a query of the store: kinds, span of time, conditions, page.
 *
 *     type=process.exec,tcp.close    kinds; a collector alone means all of its kinds
 *     start=, end=                   RFC 3339, seconds / ms / us / ns since 1970 by size, or -15m
 *     pid=12  comm=bash  errno!=0  min_duration_ns=1000000  max_...    conditions on columns
 *     column.end=reset               likewise, of a column that is called as another parameter
 *     limit=, cursor=, order=asc|desc
 */
#ifndef SERVE_QUESTION_H
#define SERVE_QUESTION_H

#include "serve/route.h"

#define QUESTION_LIMIT     100
#define QUESTION_LIMIT_MAX 10000

struct question {
	vec(const struct schema *) schemas; /* closed by NULL */
	struct store_query query;
	uint64_t now_unix_ns;
	uint64_t filter_hash; /* of everything but the page */
	bool is_expired;      /* the row of the cursor is gone */
	bool is_of_all;       /* no kinds were named */
};

/** question_time - an instant as a user writes it.  Return: 0; -EINVAL with fail() said */
nodiscard int question_time(const char *text, uint64_t now_unix_ns, uint64_t *ret_unix_ns);

/** question_add_kind - by "collector", "collector.event" or "collector_event".  0; -EINVAL; -ENOMEM */
nodiscard int question_add_kind(struct question *question, const struct api *api, const char *name);

/** question_add_kinds - a list by commas; NULL: all there are.  0; -EINVAL; -ENOMEM */
nodiscard int question_add_kinds(struct question *question, const struct api *api,
				 const char *list);

/** question_lost - how many records of its collectors were lost in a span of time; end 0: any */
nodiscard int question_lost(struct store_reader *reader, const struct question *question,
			    uint64_t start_unix_ns, uint64_t end_unix_ns, uint64_t *ret_lost);

/** question_is_of - whether what this collector lost, or "kymo" itself, belongs to the answer */
bool question_is_of(const struct question *question, const char *collector);

/**
 * question_read - all parameters
 * @known: further parameters that the route has, closed by NULL
 *
 * Return: 0; -EINVAL with fail() said.  Call question_done() in any case.
 */
nodiscard int question_read(struct question *question, const struct api *api,
			    const struct request *request, const char *const *known);

/** question_cursor - where the next page begins */
#define QUESTION_CURSOR_BYTES 64
void question_cursor(const struct question *question, uint64_t at, uint64_t seq, char *text);
void question_done(struct question *question);

#endif
