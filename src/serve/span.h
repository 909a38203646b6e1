/* SPDX-License-Identifier: MIT */
/* span.h - what the routes of profiles and of series have in common: a span of time, and whose samples.
 *
 *     start=, end=        as question.h has them; the last hour if left out
 *     pid=12,13           processes
 *     comm=NAME           threads or processes of this name
 *     container=3f4e9bc1a20d   its processes
 *     kind=cpu|off-cpu|wall    where CPUs were, where threads waited, or both
 */
#ifndef SERVE_SPAN_H
#define SERVE_SPAN_H

#include "serve/route.h"
#include "store/profile_read.h"

#define SPAN_DEFAULT_NS 3600000000000ull

/* The parameters, for the lists of routes. */
#define SPAN_PARAMETERS                                                                \
	{ "start",                                                                     \
	  "from when on: 2025-10-28T13:47:15Z, a number since 1970, or -15m; an hour " \
	  "ago if left out",                                                           \
	  "string" },                                                                  \
	{                                                                              \
		"end", "until when, likewise; now if left out", "string"               \
	}

#define SAMPLES_PARAMETERS                                                                      \
	SPAN_PARAMETERS, { "pid", "processes: 12,13", "string" },                               \
		{ "comm", "name of threads or processes", "string" },                           \
		{ "container", "id of a container, or its first 12 digits or more", "string" }, \
	{                                                                                       \
		"kind", "cpu: where CPUs were; off-cpu: where threads waited; wall: both",      \
			"string"                                                                \
	}

/**
 * span_read - a span of time
 * @prefix: of the names: "" or "base_"
 *
 * Return: 0; -EINVAL with fail() said.
 */
nodiscard int span_read(const struct request *request, const char *prefix, uint64_t now_unix_ns,
			uint64_t *ret_start_unix_ns, uint64_t *ret_end_unix_ns);

/** span_read_samples - likewise with whose samples; @query points into the request.  0; -EINVAL */
nodiscard int span_read_samples(const struct request *request, struct profile_query *query);

/** span_read_pids - "12,13".  0; -EINVAL with fail() said */
nodiscard int span_read_pids(const char *text, struct profile_query *query);

/** span_min_share - a percentage; untouched where it is left out.  0; -EINVAL */
nodiscard int span_min_share(const struct request *request, double *min_share);

/** span_read_tree - 'group', comm or none, and 'min_share'.  0; -EINVAL */
nodiscard int span_read_tree(const struct request *request, bool *by_comm, double *min_share);

/** span_check_parameters - whether each parameter is one of the list.  0; -EINVAL with fail() said */
nodiscard int span_check_parameters(const struct request *request,
				    const struct query_parameter *known);

/** span_number - a parameter as a number; @number is untouched where it is left out.  0; -EINVAL */
nodiscard int span_number(const struct request *request, const char *name, uint64_t min,
			  uint64_t max, uint64_t *number);

#endif
