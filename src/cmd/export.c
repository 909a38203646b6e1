/* SPDX-License-Identifier: MIT */
#include "cmd/export.h"

#include "cmd/query.h"

int export_run(const struct arguments *arguments)
{
	return query_put(arguments, &(struct query_manner){
					    .profile_format = "pprof",
					    .order = "asc",
					    .format = ANSWER_JSON,
				    });
}
