/* SPDX-License-Identifier: MIT */
#include "report/timeline.h"

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int task_compare(const void *left, const void *right, void *context)
{
	const struct profile *profile = context;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
	const struct task *a = &profile->tasks.data[i], *b = &profile->tasks.data[j];
	uint32_t a_pid = profile->processes.data[a->process].pid,
		 b_pid = profile->processes.data[b->process].pid;

	return order(a_pid, b_pid) ?:
		       order(a->process, b->process) ?:
			       order(a->tid != a_pid, b->tid != b_pid) ?:
				       order(a->tid, b->tid) ?:
					       order(i, j);
}

static int moment_compare(const void *left, const void *right, void *context)
{
	const struct profile *profile = context;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;

	return order(profile->moments.data[i].at_mono_ns, profile->moments.data[j].at_mono_ns)
		       ?: order(i, j);
}

/* The threads in their order, and the thread of each task in *ret_of_task. */
static int find_threads(struct timeline *timeline, const struct profile *profile,
			uint32_t **ret_of_task)
{
	size_t count = profile->tasks.len;
	own(freep) uint32_t *sorted = calloc(count + 1, sizeof(*sorted));
	own(freep) uint32_t *of_task = calloc(count + 1, sizeof(*of_task));

	if (!sorted || !of_task)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = (uint32_t)i;
	qsort_r(sorted, count, sizeof(*sorted), task_compare, (void *)profile);
	for (size_t i = 0; i < count; i++) {
		const struct task *task = &profile->tasks.data[sorted[i]];
		struct timeline_thread *last = timeline->threads.data + timeline->threads.len;

		if (timeline->threads.len == 0 || last[-1].process != task->process ||
		    last[-1].tid != task->tid) {
			struct timeline_thread thread = { task->process, task->tid };
			int err = vec_push(&timeline->threads, thread);

			if (err)
				return err;
		}
		of_task[sorted[i]] = (uint32_t)timeline->threads.len - 1;
	}
	*ret_of_task = take(of_task);
	return 0;
}

static void sort_moments(struct timeline *timeline, const struct profile *profile)
{
	vec_each(thread, &timeline->threads) {
		uint32_t *first = timeline->moments + thread->first;
		const struct moment *last;

		if (!thread->count)
			continue;
		qsort_r(first, thread->count, sizeof(*first), moment_compare, (void *)profile);
		last = &profile->moments.data[first[thread->count - 1]];
		thread->name = profile->tasks.data[last->task].name;
	}
}

/* Threads that only counted samples (their moments were refused at the ceiling) have no line. */
static void drop_empty(struct timeline *timeline)
{
	size_t kept = 0;

	for (size_t i = 0; i < timeline->threads.len; i++)
		if (timeline->threads.data[i].count)
			timeline->threads.data[kept++] = timeline->threads.data[i];
	timeline->threads.len = kept;
}

int timeline_build(struct timeline *timeline, const struct profile *profile)
{
	own(freep) uint32_t *of_task = NULL;
	size_t first = 0;
	int err;

	*timeline = (struct timeline){ 0 };
	err = find_threads(timeline, profile, &of_task);
	if (err)
		return err;
	timeline->moments = calloc(profile->moments.len + 1, sizeof(*timeline->moments));
	if (!timeline->moments)
		return -ENOMEM;
	vec_each(moment, &profile->moments)
		timeline->threads.data[of_task[moment->task]].count++;
	vec_each(thread, &timeline->threads) {
		thread->first = first;
		first += thread->count;
		thread->count = 0;
	}
	for (size_t i = 0; i < profile->moments.len; i++) {
		uint32_t at = of_task[profile->moments.data[i].task];
		struct timeline_thread *thread = &timeline->threads.data[at];

		timeline->moments[thread->first + thread->count++] = (uint32_t)i;
	}
	sort_moments(timeline, profile);
	drop_empty(timeline);
	return 0;
}

void timeline_done(struct timeline *timeline)
{
	vec_done(&timeline->threads);
	free(timeline->moments);
	timeline->moments = NULL;
}
