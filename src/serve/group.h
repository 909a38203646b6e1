/* SPDX-License-Identifier: MIT */
/* group.h - what stands at the root of a tree of stored samples, above the functions.
 *
 *     group=comm        the name of the thread; also where it is left out
 *     group=thread      "name (tid)"
 *     group=process     "name of the process (pid)"
 *     group=container   the id of the container, or GROUP_OUTSIDE
 *     group=none        nothing
 */
#ifndef SERVE_GROUP_H
#define SERVE_GROUP_H

#include "model/profile.h"
#include "serve/route.h"
#include "store/profile_read.h"

#define GROUP_OUTSIDE "no container"

#define GROUP_PARAMETER                                                                           \
	{                                                                                         \
		"group", "comm: below the names of threads; or thread, process, container, none", \
			"string"                                                                  \
	}

enum group {
	GROUP_COMM,
	GROUP_THREAD,
	GROUP_PROCESS,
	GROUP_CONTAINER,
	GROUP_NONE,
	GROUP_COUNT
};

/** group_read - Return: 0; -EINVAL with fail() said */
nodiscard int group_read(const struct request *request, enum group *ret_group);

/**
 * group_apply - give the threads of a profile the names of their groups, below which flame_build() then
 * puts them
 *
 * Return: 0; -ENOMEM; -errno with fail() said.
 */
nodiscard int group_apply(struct profile *profile, enum group group, struct store_reader *reader,
			  const struct profile_query *query);

#endif
