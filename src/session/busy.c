/* SPDX-License-Identifier: MIT */
#include "session/busy.h"

#include <errno.h>

void busy_done(struct busy *busy)
{
	vec_done(&busy->entries);
	vec_done(&busy->ns);
}

void busy_forget(struct busy *busy)
{
	busy->moments = 0;
	busy->entries.len = 0;
}

static int add(struct busy *busy, const struct profile *profile, uint32_t task, uint64_t ns)
{
	uint32_t process = profile->tasks.data[task].process;
	int err = 0;

	while (!err && busy->ns.len <= process)
		err = vec_push(&busy->ns, 0);
	if (!err)
		busy->ns.data[process] += ns;
	return err;
}

/* What has a reason is a wait. */
static int add_moments(struct busy *busy, const struct profile *profile)
{
	int err = 0;

	for (size_t i = busy->moments; !err && i < profile->moments.len; i++)
		if (!profile->moments.data[i].reason)
			err = add(busy, profile, profile->moments.data[i].task,
				  profile->moments.data[i].weight_ns);
	busy->moments = profile->moments.len;
	return err;
}

static int add_entries(struct busy *busy, const struct profile *profile)
{
	int err = 0;

	for (size_t i = 0; !err && i < profile->entries.len; i++) {
		const struct entry *entry = &profile->entries.data[i];

		if (busy->entries.len <= i)
			err = vec_push(&busy->entries, 0);
		err = err
			      ?: add(busy, profile, entry->task,
				     entry->weight_ns - busy->entries.data[i]);
		if (!err)
			busy->entries.data[i] = entry->weight_ns;
	}
	return err;
}

int busy_each(struct busy *busy, const struct profile *profile,
	      void (*each)(void *context, uint32_t pid, const char *comm, uint64_t ns),
	      void *context)
{
	int err;

	busy->ns.len = 0;
	err = profile->keep_moments ? add_moments(busy, profile) : add_entries(busy, profile);
	for (size_t i = 0; !err && i < busy->ns.len; i++)
		if (busy->ns.data[i])
			each(context, profile->processes.data[i].pid,
			     profile_text(profile, profile->processes.data[i].name),
			     busy->ns.data[i]);
	return err;
}
