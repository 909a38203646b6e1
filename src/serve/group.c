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

/* A process of the profile, to be found by its PID. */
struct numbered {
	uint32_t pid, process;
};

/* Container by number of a process; the last one where a PID came twice. */
struct containing {
	struct profile *profile;
	struct numbered *processes; /* by PID */
	size_t count;
	uint32_t *ids; /* strings */
};

static int by_pid(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* The first of a PID, of several that had it one after another. */
static size_t find_pid(const struct containing *containing, uint32_t pid)
{
	size_t from = 0, to = containing->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (containing->processes[middle].pid < pid)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static int take_container(void *context, uint32_t pid, const char *id)
{
	struct containing *containing = context;
	const struct numbered *processes = containing->processes;
	uint32_t text = 0;
	int err = 0;

	for (size_t i = find_pid(containing, pid);
	     !err && i < containing->count && processes[i].pid == pid; i++) {
		if (!text)
			err = profile_add_text(containing->profile, id, &text);
		containing->ids[processes[i].process] = text;
	}
	return err;
}

static int sort_processes(struct containing *containing)
{
	const struct profile *profile = containing->profile;

	containing->count = profile->processes.len;
	containing->processes = calloc(containing->count + 1, sizeof(*containing->processes));
	containing->ids = calloc(containing->count + 1, sizeof(*containing->ids));
	if (!containing->processes || !containing->ids)
		return -ENOMEM;
	for (size_t i = 0; i < containing->count; i++)
		containing->processes[i] =
			(struct numbered){ profile->processes.data[i].pid, (uint32_t)i };
	qsort(containing->processes, containing->count, sizeof(*containing->processes), by_pid);
	return 0;
}

static int by_container(struct profile *profile, struct store_reader *reader,
			const struct profile_query *query)
{
	struct containing containing = { .profile = profile };
	uint32_t outside = 0;
	int err = sort_processes(&containing);

	err = err ?: profile_add_text(profile, GROUP_OUTSIDE, &outside);
	err = err
		      ?: containers_each(reader, query->start_unix_ns, query->end_unix_ns,
					 take_container, &containing);
	if (!err)
		vec_each(task, &profile->tasks)
			task->name = containing.ids[task->process] ?: outside;
	free(containing.processes);
	free(containing.ids);
	return err;
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
