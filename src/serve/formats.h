/* SPDX-License-Identifier: MIT */
/* formats.h - a profile as the body of an answer: in the formats of `kymo profile`, and as the tree of the page. */
#ifndef SERVE_FORMATS_H
#define SERVE_FORMATS_H

#include "model/sink.h"
#include "serve/message.h"
#include "store/profile_read.h"

/**
 * formats_find - by the word behind -f
 * @has_samples: every single sample is there, so that formats which list them can be had
 *
 * Return: 0; -EINVAL with fail() said.
 */
nodiscard int formats_find(const char *name, bool has_samples, const struct sink **ret_sink);

/** formats_put - @title: what was profiled.  Return: 0; -ENOMEM; -errno of the sink */
nodiscard int formats_put(const struct sink *sink, const struct profile *profile, const char *title,
			  double min_share, struct response *response);

/** formats_put_tree - JSON, nodes below @min_share percent left out; @by_comm: below names of threads */
nodiscard int formats_put_tree(const struct profile *profile, const struct profile_query *query,
			       double min_share, bool by_comm, struct response *response);

/** formats_put_asked - as `format`, `min_share` and `group` of the question say.  0; -EINVAL; -ENOMEM */
nodiscard int formats_put_asked(const struct profile *profile, const struct request *request,
				const char *title, struct response *response);

#endif
