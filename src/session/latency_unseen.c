/* SPDX-License-Identifier: MIT */
#include "session/latency_unseen.h"

#include <errno.h>
#include <limits.h>

#include "base/clock.h"
#include "elf/inlined.h"

/* Of looking through DWARF for calls that were inlined. */
#define INLINED_MAX_BYTES (16u << 20)
#define INLINED_MAX_NS    (500 * NS_PER_MS)
#define INLINED_MAX_NAMES 4u

uint64_t latency_file_changed_ns(const struct stat *status)
{
	return (uint64_t)status->st_mtim.tv_sec * NS_PER_S + (uint64_t)status->st_mtim.tv_nsec;
}

uint32_t latency_file_inlined(const struct latency_file *file, const char *name)
{
	struct debuginfo_limits limits = { .bytes = INLINED_MAX_BYTES, .cpu_ns = INLINED_MAX_NS };
	uint32_t count = 0;
	int err = inlined_count(file->image, file->image, &limits, name, &count);

	return err && err != -ETIME && err != -E2BIG ? 0 : count;
}

int latency_plan_note_inlined(struct latency_plan *plan, const struct latency_file *file,
			      const struct functions *found)
{
	int err = 0;

	for (size_t i = 0; !err && i < found->list.len && found->list.len <= INLINED_MAX_NAMES;
	     i++) {
		uint32_t count = latency_file_inlined(
			file, functions_text(found, found->list.data[i].symbol));
		char *text = NULL;

		if (!count)
			continue;
		if (asprintf(&text, "calls of '%s' at %u places where it was inlined",
			     functions_text(found, found->list.data[i].name), count) < 0)
			return -ENOMEM;
		err = vec_push(&plan->unseen, text);
		if (err)
			free(text);
	}
	return err;
}

const char *latency_plan_changed(const struct latency_plan *plan)
{
	struct stat status;

	vec_each(file, &plan->files)
		if (!fstat((*file)->image->source.fd, &status) &&
		    (latency_file_changed_ns(&status) != (*file)->changed_ns ||
		     (uint64_t)status.st_size != (*file)->bytes))
			return (*file)->path;
	return NULL;
}

int latency_plan_note(const struct latency_plan *plan, struct coverage *coverage)
{
	struct stat named, held;
	char text[PATH_MAX + 80];
	int err = 0;

	if (plan->by_perf)
		err = coverage_set_mode(coverage, LATENCY_BY_PERF);
	vec_each(one, &plan->unseen)
		err = err ?: coverage_lack(coverage, *one);
	vec_each(file, &plan->files) {
		if (plan->pid || stat((*file)->path, &named) ||
		    fstat((*file)->image->source.fd, &held) ||
		    (named.st_ino == held.st_ino && named.st_dev == held.st_dev))
			continue;
		snprintf(text, sizeof(text),
			 "processes that run what '%s' was replaced by meanwhile", (*file)->path);
		err = err ?: coverage_lack(coverage, text);
	}
	return err;
}
