/* SPDX-License-Identifier: MIT */
/* task_work.c - work put off until a task returns to user mode, where it may sleep. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/clock.h"
#include "collect/ability/lab.h"

#include "collect/ability/later-old.lskel.h"
#include "collect/ability/later.lskel.h"
#include "collect/ability/vma.lskel.h"

#define WORK_WAIT_NS (20 * NS_PER_MS)

/* What one run of the programs found. */
struct work_outcome {
	int load, attach;
	s64 scheduled, found;
	bool worked, contains;
};

/* The work is done on the way out of a system call, so this thread has to make some. */
static void wait_for(const volatile u64 *done, bool waits)
{
	uint64_t end = clock_mono_ns() + WORK_WAIT_NS;
	const struct timespec moment = { 0, 10 * NS_PER_US };

	while (waits && !*done && clock_mono_ns() < end)
		nanosleep(&moment, NULL);
}

/* The same for each of the skeletons, whose types differ in name only. */
#define run_skeleton(which, thread, outcome, waits)                                        \
	do {                                                                               \
		struct collect_ability_##which *skel_ = collect_ability_##which##__open(); \
		(outcome)->load = skel_ ? 0 : -ENOMEM;                                     \
		if (skel_) {                                                               \
			skel_->rodata->wanted_thread = (thread);                           \
			skel_->rodata->wanted_address = (uintptr_t)try_task_work;          \
			(outcome)->load = collect_ability_##which##__load(skel_);          \
		}                                                                          \
		if (!(outcome)->load) {                                                    \
			const volatile u64 *done_ = &skel_->bss->worked;                   \
			(outcome)->attach =                                                \
				collect_ability_##which##__attach(skel_) < 0 ? -errno : 0; \
			lab_rename();                                                      \
			wait_for(done_, waits);                                            \
			(outcome)->worked = *done_;                                        \
			(outcome)->scheduled = skel_->data->scheduled;                     \
			(outcome)->found = skel_->data->found;                             \
			(outcome)->contains = skel_->bss->contains;                        \
		}                                                                          \
		if (skel_)                                                                 \
			collect_ability_##which##__destroy(skel_);                         \
	} while (0)

static void run_task_work(u32 thread, struct work_outcome *outcome)
{
	*outcome = (struct work_outcome){ 0 };
	run_skeleton(later, thread, outcome, true);
	if (outcome->load)
		run_skeleton(later_old, thread, outcome, true);
}

void try_task_work(struct lab *lab, struct ability_result *result)
{
	int thread = lab_kernel_tid(lab);
	struct work_outcome outcome;

	run_task_work(thread > 0 ? (u32)thread : 0, &outcome);
	if (outcome.load)
		found_skeleton_refused(lab, result, outcome.load, NEEDS_TRACING,
				       "loading a program", "the kernel has no bpf_task_work");
	else if (outcome.attach)
		found_refused(lab, result, outcome.attach, NEEDS_TRACING, "attaching",
			      "the program cannot be attached");
	else if (!outcome.worked)
		found_absent(result, (int)outcome.scheduled, "the work is never done%s%s",
			     outcome.scheduled < 0 ? ": " : "",
			     outcome.scheduled < 0 ? error_name((int)outcome.scheduled) : "");
	else
		found_works(result, "%s", "");
}

void try_find_vma(struct lab *lab, struct ability_result *result)
{
	int thread = lab_kernel_tid(lab);
	u32 wanted = thread > 0 ? (u32)thread : 0;
	struct work_outcome outcome;
	bool in_work;

	run_task_work(wanted, &outcome);
	in_work = !outcome.load && outcome.worked;
	if (!in_work) {
		outcome = (struct work_outcome){ 0 };
		run_skeleton(vma, wanted, &outcome, false);
	}
	if (outcome.load)
		found_skeleton_refused(lab, result, outcome.load, NEEDS_TRACING,
				       "loading a program", "the kernel has no bpf_find_vma()");
	else if (outcome.attach)
		found_refused(lab, result, outcome.attach, NEEDS_TRACING, "attaching",
			      "the program cannot be attached");
	else if (outcome.found || !outcome.contains)
		found_absent(result, outcome.found < 0 ? (int)outcome.found : 0,
			     "no mapping is found for a mapped address");
	else if (!in_work)
		found_degraded(result, "only in the interrupt itself, where it can be called once: "
				       "there is no task work");
	else
		found_works(result, "%s", "");
}
