/* SPDX-License-Identifier: MIT */
#include "session/ways.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/cpu/cpu.h"

#define TRY_NS    (20 * NS_PER_MS) /* of CPU time: 20 samples */
#define NAP_NS    (2 * NS_PER_MS)
#define NAPS      3 /* some machines do not deliver every switch */
#define TRY_HZ    1000
#define SMALL_MAP (1u << 20)

static const struct way {
	const char *name, *purpose, *lost;
	enum cpu_unwind unwind;
	enum cpu_time time;
} ways[] = {
	{ "unwind-interrupt", "user stacks by call frame information, walked at once",
	  "user stacks of programs without frame pointers", CPU_UNWIND_INTERRUPT, CPU_TIME_ON },
	{ "unwind-deferred",
	  "the same before the return to user mode, where memory may be waited for",
	  "user stacks in memory that is not resident", CPU_UNWIND_DEFERRED, CPU_TIME_ON },
	{ "unwind-fp", "user stacks by frame pointers", "every user stack", CPU_UNWIND_FP,
	  CPU_TIME_ON },
	{ "waits", "where threads wait, with their stacks, walked afterwards",
	  "user stacks of waits in memory that is not resident, and those above 255 frames",
	  CPU_UNWIND_DEFERRED, CPU_TIME_OFF },
	{ "waits-at-once", "the same, walked when a wait begins", "--off-cpu and --wall",
	  CPU_UNWIND_INTERRUPT, CPU_TIME_OFF },
};

/* Something to sample, and something to wait for. */
static void run_and_wait(void)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	struct timespec ran, start;

	for (int i = 0; i < NAPS; i++)
		nanosleep(&nap, NULL);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
	while ((uint64_t)(ran.tv_sec - start.tv_sec) * NS_PER_S + (uint64_t)ran.tv_nsec <
	       (uint64_t)start.tv_nsec + TRY_NS);
}

/* Whether a user stack of this thread has come; by frame pointers it is often its last frame alone. */
static bool has_stack(const struct batch *batch, uint32_t tid)
{
	vec_each(sample, &batch->samples)
		if (sample->tid == tid && sample->count && sample->user_frames)
			return true;
	return false;
}

static int watch(struct cpu *cpu, uint32_t tid, bool *ret_works)
{
	struct batch batch = { 0 };
	int err = cpu_start(cpu);

	if (!err)
		run_and_wait();
	cpu_stop(cpu);
	err = err ?: cpu_drain(cpu, &batch);
	err = err ?: cpu_drain_counts(cpu, &batch);
	*ret_works = !err && has_stack(&batch, tid);
	batch_done(&batch);
	return err;
}

static struct ability_result try_way(const struct diagnosis *diagnosis, const struct way *way)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	struct cpu_request request = {
		.kind = TARGET_THREAD,
		.ids = &tid,
		.id_count = 1,
		.rate_hz = TRY_HZ,
		.timer = CPU_TIMER_CLOCK,
		.time = way->time,
		.min_block_ns = NAP_NS / 2,
		.want_user = true,
		.every_sample = true,
		.unwind = way->unwind,
		.unwind_bytes = SMALL_MAP,
	};
	struct ability_result result = { .state = ABILITY_ABSENT };
	own(cpu_closep) struct cpu *cpu = NULL;
	bool works = false;
	int err;

	error_clear();
	err = cpu_open(&request, &cpu);
	err = err ?: watch(cpu, tid, &works);
	if (works) {
		result.state = ABILITY_WORKS;
	} else if (err) {
		result.error = -err;
		result.state = err == -EPERM || err == -EACCES ? ABILITY_FORBIDDEN : ABILITY_ABSENT;
		snprintf(result.reason, sizeof(result.reason), "%s", error_text());
		if (result.state == ABILITY_FORBIDDEN)
			memcpy(result.remedy, diagnosis->remedy, sizeof(result.remedy));
	} else {
		snprintf(result.reason, sizeof(result.reason), "no stack of this thread came");
	}
	error_clear();
	return result;
}

int ways_try(struct diagnosis *diagnosis)
{
	int err = 0;

	for (size_t i = 0; !err && i < array_len(ways); i++) {
		const struct way *way = &ways[i];
		struct finding finding = { way->name, FINDING_STACKS, way->purpose, way->lost,
					   try_way(diagnosis, way) };

		err = vec_push(&diagnosis->findings, finding);
	}
	return err;
}
