/* SPDX-License-Identifier: MIT */
#include "session/demand.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/alive.h"
#include "session/ahead.h"
#include "session/recording.h"

#define LOADING_NICE (-10)      /* of this thread alone */
#define TABLE_BYTES  (4u << 20) /* of names of functions */

struct run {
	const struct demand *demand;
	struct demand_progress progress;
	struct recording_request request;
	uint32_t pid;
	struct recording *recording;
};

uint64_t demand_bytes(const struct profile *profile)
{
	return profile->text.text.cap + profile->files.cap * sizeof(*profile->files.data) +
	       profile->processes.cap * sizeof(*profile->processes.data) +
	       profile->tasks.cap * sizeof(*profile->tasks.data) +
	       profile->frames.cap * sizeof(*profile->frames.data) +
	       profile->names.cap * sizeof(*profile->names.data) +
	       profile->stacks.cap * sizeof(*profile->stacks.data) +
	       profile->entries.cap * sizeof(*profile->entries.data) +
	       profile->moments.cap * sizeof(*profile->moments.data);
}

bool demand_exists(uint32_t pid)
{
	return (kill((pid_t)pid, 0) == 0 || errno == EPERM) && alive_process(pid) != 0;
}

static void tell(struct run *run, enum demand_stage stage)
{
	const struct profile *profile = recording_profile(run->recording);

	run->progress.stage = stage;
	run->progress.samples = profile->samples;
	run->progress.lost = coverage_lost(&profile->coverage);
	if (!run->progress.first_mono_ns && profile->moments.len)
		run->progress.first_mono_ns = profile->moments.data[0].at_mono_ns;
	run->demand->progress(run->demand->context, &run->progress);
}

/* Somebody waits for the first sample: loading does not wait its turn on a busy host. */
static int open_first(struct run *run)
{
	int nice = getpriority(PRIO_PROCESS, 0), err;
	bool is_first = nice > LOADING_NICE && setpriority(PRIO_PROCESS, 0, LOADING_NICE) == 0;

	err = recording_open(&run->request, &run->recording);
	if (is_first)
		setpriority(PRIO_PROCESS, 0, nice);
	return err;
}

/* With what lies ready, where it suits.  The next is loaded when this one samples. */
static int open_and_start(struct run *run)
{
	struct ahead *ahead = run->demand->ahead;
	bool has_tick = run->demand->request->time == PROFILE_RUNNING;
	struct cpu_spare *spare = has_tick ? ahead_take(ahead) : NULL;
	bool was_there = spare != NULL;
	int err;

	run->request.cpu.spare = &spare;
	err = open_first(run);
	run->request.cpu.spare = NULL;
	run->progress.was_ahead = was_there && !spare;
	ahead_return(ahead, spare);
	err = err ?: recording_start(run->recording);
	if (has_tick)
		ahead_want(ahead);
	return err;
}

static int open_recording(struct run *run)
{
	static const enum cpu_time times[] = {
		[PROFILE_RUNNING] = CPU_TIME_ON,
		[PROFILE_WAITING] = CPU_TIME_OFF,
		[PROFILE_LIVING] = CPU_TIME_WALL,
	};
	const struct demand_request *request = run->demand->request;
	int err;

	run->pid = request->pid;
	run->request = (struct recording_request){
		.cpu = {
			.kind = request->pid ? TARGET_PROCESS : TARGET_HOST,
			.ids = request->pid ? &run->pid : NULL,
			.id_count = request->pid ? 1 : 0,
			.rate_hz = request->rate_hz,
			.time = times[request->time],
			.min_block_ns = request->min_block_ns,
			.want_user = true,
			.want_kernel = true,
			.every_sample = request->keep_samples,
		},
		.naming = { .no_inline = true, .table_bytes = TABLE_BYTES },
		.keep_moments = request->keep_samples,
	};
	err = open_and_start(run);
	if (!err)
		error_clear(); /* of ways that were tried and not taken */
	return err;
}

/* Return: whether it is over, and why. */
static bool is_over(const struct run *run, uint64_t now, bool is_stopped, enum demand_end *ret_end)
{
	const struct demand_request *request = run->demand->request;

	if (is_stopped)
		*ret_end = DEMAND_STOPPED;
	else if (now >= run->progress.began_mono_ns + request->duration_ns)
		*ret_end = DEMAND_DURATION;
	else if (request->pid && recording_is_over(run->recording))
		*ret_end = DEMAND_TARGET_GONE;
	else if (demand_bytes(recording_profile(run->recording)) > request->max_bytes)
		*ret_end = DEMAND_FULL;
	else
		return false;
	return true;
}

static int sample(struct run *run, enum demand_end *ret_end)
{
	const uint64_t turn = RECORDING_DRAIN_MS * NS_PER_MS;
	struct pollfd waits[] = {
		{ .fd = run->demand->stop, .events = POLLIN },
		{ .fd = recording_descriptor(run->recording), .events = POLLIN },
	};
	uint64_t now = clock_mono_ns(), next = now + turn;
	int err = 0;

	while (!err && !is_over(run, now, waits[0].revents, ret_end)) {
		uint64_t end = run->progress.began_mono_ns + run->demand->request->duration_ns;
		uint64_t until = end < next ? end : next;

		if (until > now)
			poll(waits, array_len(waits), (int)((until - now) / NS_PER_MS) + 1);
		now = clock_mono_ns();
		if (now < next && !waits[0].revents && !waits[1].revents)
			continue;
		next = now + turn;
		err = recording_drain(run->recording);
		if (!err)
			tell(run, DEMAND_RUNNING);
	}
	return err;
}

int demand_run(const struct demand *demand, struct profile **ret_profile, enum demand_end *ret_end)
{
	struct run run = { .demand = demand };
	int err = open_recording(&run);

	if (!err) {
		run.progress.began_mono_ns = clock_mono_ns();
		tell(&run, DEMAND_RUNNING);
		err = sample(&run, ret_end);
	}
	if (!err) {
		recording_stop(run.recording);
		err = recording_finish(run.recording);
	}
	if (!err) {
		tell(&run, DEMAND_NAMING);
		err = recording_name(run.recording);
		err = err ?: recording_report(run.recording);
	}
	if (!err)
		*ret_profile = recording_take(run.recording);
	recording_free(run.recording);
	return err;
}
