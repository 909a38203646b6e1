/* SPDX-License-Identifier: MIT */
#include "serve/group.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "store/containers.h"

int group_read(const struct request *request, enum group *ret_group)
{
	static const char *const names[GROUP_COUNT] = {
		[GROUP_COMM] = "comm",       [GROUP_THREAD] = "thread",
		[GROUP_PROCESS] = "process", [GROUP_CONTAINER] = "container",
		[GROUP_NONE] = "none",
	};
	const char *text = request_parameter(request, "group") ?: "comm";

	for (int i = 0; i < GROUP_COUNT; i++)
		if (strcmp(text, names[i]) == 0) {
			*ret_group = (enum group)i;
			return 0;
		}
	return fail(-EINVAL, "'group' is comm, thread, process, container or none");
}

static int add_numbered(struct profile *profile, uint32_t name, uint32_t number, uint32_t *ret)
{
	char text[160];

	snprintf(text, sizeof(text), "%.120s (%u)", profile_text(profile, name), number);
	return profile_add_text(profile, text, ret);
}

/* Container by number of a process; the last one where a PID came twice. */
struct containing {
	struct profile *profile;
	uint32_t *ids; /* strings */
};

static int take_container(void *context, uint32_t pid, const char *id)
{
	struct containing *containing = context;
	struct profile *profile = containing->profile;
	int err = 0;

	for (size_t i = 0; !err && i < profile->processes.len; i++)
		if (profile->processes.data[i].pid == pid)
			err = profile_add_text(profile, id, &containing->ids[i]);
	return err;
}

static int by_container(struct profile *profile, struct store_reader *reader,
			const struct profile_query *query)
{
	own(freep) uint32_t *ids = calloc(profile->processes.len + 1, sizeof(*ids));
	struct containing containing = { profile, ids };
	uint32_t outside = 0;
	int err = ids ? profile_add_text(profile, GROUP_OUTSIDE, &outside) : -ENOMEM;

	err = err
		      ?: containers_each(reader, query->start_unix_ns, query->end_unix_ns,
					 take_container, &containing);
	if (err)
		return err;
	vec_each(task, &profile->tasks)
		task->name = ids[task->process] ?: outside;
	return 0;
}

int group_apply(struct profile *profile, enum group group, struct store_reader *reader,
		const struct profile_query *query)
{
	int err = 0;

	if (group == GROUP_CONTAINER)
		return by_container(profile, reader, query);
	if (group == GROUP_COMM || group == GROUP_NONE)
		return 0;
	vec_each(task, &profile->tasks) {
		const struct process *process = &profile->processes.data[task->process];

		if (group == GROUP_THREAD)
			err = err ?: add_numbered(profile, task->name, task->tid, &task->name);
		else
			err = err
				      ?: add_numbered(profile, process->name, process->pid,
						      &task->name);
	}
	return err;
}
