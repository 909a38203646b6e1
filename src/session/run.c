/* SPDX-License-Identifier: MIT */
#include "session/run.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/balance/balance.h"
#include "session/besides.h"
#include "session/ladder.h"
#include "session/launch.h"
#include "session/machine.h"
#include "session/signals.h"

#define MOMENT_MAX_NS  NS_PER_S
#define SETTLE_STEP_NS (200 * NS_PER_US)
#define SETTLE_NS      (20 * NS_PER_MS) /* for threads that are ending when the command has */

struct run {
	const struct run_request *request;
	struct account *account;
	struct balance *balance; /* NULL: without BPF */
	struct ladder ladder;    /* without BPF */
	struct own_group group;
	struct besides besides;
	struct profile *profile;
	struct launch launch;
	struct signals signals;
	uint64_t began_mono_ns; /* of kymo's own work on it */
	uint64_t next_moment_ns;
	uint64_t stolen_ns;     /* before it began */
	struct machine_net net; /* likewise */
	bool is_deaf;           /* whoever listens to moments has failed */
};

static uint64_t alive(const struct run *run)
{
	if (run->balance)
		return balance_alive(run->balance);
	return ladder_alive(&run->ladder);
}

static bool is_over(const struct run *run, uint64_t now)
{
	const struct run_request *request = run->request;
	bool has_command = run->launch.pid != 0;

	if (run->signals.stops >= (has_command ? 2 : 1))
		return true;
	if (has_command && run->launch.has_ended)
		return !request->wait_all || !alive(run);
	if (!has_command && !alive(run))
		return true;
	return request->duration_ns && now >= run->account->started_mono_ns + request->duration_ns;
}

/* How long to wait at most, so that nothing is late. */
static int patience_ms(const struct run *run, uint64_t now, uint64_t drain_ns)
{
	const struct run_request *request = run->request;
	uint64_t until = drain_ns;

	if (request->duration_ns && run->account->started_mono_ns + request->duration_ns < until)
		until = run->account->started_mono_ns + request->duration_ns;
	if (request->timeline.every_ns && run->balance && run->next_moment_ns < until)
		until = run->next_moment_ns;
	return until > now ? (int)((until - now) / NS_PER_MS) + 1 : 0;
}

/* Until the next one: a part of how long the run has been, between what was asked for and a second. */
static uint64_t moment_interval(const struct run *run, uint64_t now)
{
	const struct run_timeline *timeline = &run->request->timeline;
	uint64_t part;

	if (!timeline->parts)
		return timeline->every_ns;
	part = (now - run->account->started_mono_ns) / timeline->parts;
	if (part > MOMENT_MAX_NS)
		part = MOMENT_MAX_NS;
	return part > timeline->every_ns ? part : timeline->every_ns;
}

/* Which of the processes is the command. */
static void find_root(struct run *run)
{
	struct account *account = run->account;
	uint64_t born =
		run->balance ? balance_root_born(run->balance) : ladder_root_born(&run->ladder);

	for (size_t i = 0; born && i < account->processes.len; i++)
		if (account->processes.data[i].born_mono_ns == born)
			account->root = (uint32_t)i;
	if (account->root != ACCOUNT_NONE)
		account->started_mono_ns = born;
}

/* Whoever listens hears of each moment.  One that fails does not end the run: whoever opened its file says so
 * at the end.
 */
static int take_moment(struct run *run)
{
	const struct run_request *request = run->request;
	struct account *account = run->account;
	struct account_moment *moment;
	struct machine_net net = machine_net();
	int err = balance_drain(run->balance);

	err = err ?: balance_moment(run->balance);
	if (err || !request->moment || run->is_deaf || !account->moments.len)
		return err;
	moment = &account->moments.data[account->moments.len - 1];
	moment->net_received_bytes = net.received_bytes - run->net.received_bytes;
	moment->net_sent_bytes = net.sent_bytes - run->net.sent_bytes;
	find_root(run);
	err = request->moment(request->listener, account);
	run->is_deaf = err != 0;
	return err == -ENOMEM ? err : 0;
}

static int observe_until_over(struct run *run)
{
	uint64_t now = clock_mono_ns(), drain_ns = now + RUN_DRAIN_MS * NS_PER_MS;
	struct pollfd waits[] = {
		{ .fd = run->signals.fd, .events = POLLIN },
		{ .fd = run->balance ? balance_descriptor(run->balance)
				     : ladder_descriptor(&run->ladder),
		  .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	int fds[BESIDES_DESCRIPTORS], err = 0;

	static_assert(array_len(waits) == 2 + BESIDES_DESCRIPTORS, "one for each");
	while (!err && !is_over(run, now)) {
		besides_descriptors(&run->besides, fds);
		waits[2].fd = fds[0];
		waits[3].fd = fds[1];
		poll(waits, array_len(waits), patience_ms(run, now, drain_ns));
		if (waits[0].revents)
			signals_read(&run->signals, &run->launch);
		now = clock_mono_ns();
		if (!run->balance) {
			err = ladder_handle(&run->ladder);
			drain_ns = now + RUN_DRAIN_MS * NS_PER_MS;
			continue;
		}
		if (run->request->timeline.every_ns && now >= run->next_moment_ns) {
			run->next_moment_ns = now + moment_interval(run, now);
			err = take_moment(run);
		}
		if (now < drain_ns && !waits[1].revents && !waits[2].revents && !waits[3].revents)
			continue;
		drain_ns = now + RUN_DRAIN_MS * NS_PER_MS;
		err = err ?: balance_drain(run->balance);
		err = err ?: besides_drain(&run->besides);
	}
	return err;
}

/* Its parent hears of the end of a process before its last switch. */
static void settle(struct run *run)
{
	struct timespec step = { .tv_nsec = SETTLE_STEP_NS };
	uint64_t until = clock_mono_ns() + SETTLE_NS;

	while (balance_alive(run->balance) && clock_mono_ns() < until)
		nanosleep(&step, NULL);
}

static void conclude(struct run *run)
{
	struct account *account = run->account;
	uint64_t ended;

	find_root(run);
	ended = account->ended_mono_ns;
	account->has_ended = run->launch.has_ended;
	account->status = run->launch.status;
	if (account->root != ACCOUNT_NONE) {
		struct account_process *root = &account->processes.data[account->root];

		if (!root->is_alive && root->died_mono_ns)
			ended = root->died_mono_ns;
		if (run->launch.has_ended) {
			root->has_status = true;
			root->status = run->launch.status;
		}
	}
	account->steal_ns = machine_steal_ns() - run->stolen_ns;
	account->wall_ns = ended - account->started_mono_ns;
	account->started_unix_ns = account->started_mono_ns + clock_unix_offset_ns();
	account->observer_cpu_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	account->observer_rss_bytes = machine_own_peak_bytes();
}

static int open_without(struct run *run)
{
	return ladder_open(&run->ladder, run->request, &run->launch, run->account, &run->group);
}

static int open_all(struct run *run)
{
	const struct run_request *request = run->request;
	struct balance_request balance = {
		.launch = run->launch.pid,
		.pids = request->pids,
		.pid_count = request->pid_count,
		.syscalls = request->syscalls,
		.latency = request->latency,
		.files = request->files,
		.glances = request->moment != NULL,
	};
	bool is_asked = request->syscalls || request->files ||
			(request->timeline.every_ns && !request->timeline.parts) ||
			request->stacks == RUN_STACKS_ASKED || request->events;
	int err;

	if (request->rung > RUN_BPF)
		return open_without(run);
	err = balance_open(&balance, run->account, &run->balance);
	err = err ?: balance_start(run->balance);
	/* Whatever was asked for by name is not left out in silence. */
	if (!err || err == -ENOMEM || request->rung == RUN_BPF || !request->command || is_asked)
		return err;
	balance_close(run->balance);
	run->balance = NULL;
	err = coverage_lack(&run->account->coverage, error_text());
	error_clear();
	return err ?: open_without(run);
}

/* What was asked for by name and cannot be measured, as far as that is known before the command runs. */
static int check_required(const struct run *run)
{
	uint32_t lacks = run->account->lacks;
	int err;

	if (run->group.folders[OWN_GROUP_V2] || run->group.folders[OWN_GROUP_MEMORY])
		lacks &= ~(1u << SECTION_CGROUP);
	else
		lacks |= 1u << SECTION_CGROUP;
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		if (run->request->required & lacks & 1u << i) {
			err = fail(-ENOTSUP, "cannot measure '%s', which is required",
				   account_sections[i]);
			hint("leave it out of '--require' to see in the report what is missing");
			return err;
		}
	return 0;
}

static int start(struct run *run)
{
	const struct run_request *request = run->request;
	int err = account_new(&run->account);

	if (!err)
		run->account->redact = request->redact;
	if (!err && request->command)
		err = launch_prepare(&run->launch, request->command, &run->signals.old_mask);
	if (!err && request->cgroup)
		err = own_group_make(run->launch.pid, &run->group);
	err = err ?: open_all(run);
	err = err ?: check_required(run);
	err = err ?: besides_open(&run->besides, request, run->launch.pid, run->account);
	if (err)
		return err;
	run->account->started_mono_ns = clock_mono_ns();
	run->stolen_ns = machine_steal_ns();
	run->net = machine_net();
	run->account->observer_load_ns = run->account->started_mono_ns - run->began_mono_ns;
	run->next_moment_ns = run->account->started_mono_ns + request->timeline.every_ns;
	return request->command ? launch_release(&run->launch, request->command[0]) : 0;
}

/* What the control group counted, and what its controllers do not. */
static int take_group(struct run *run)
{
	struct account_group *sums = &run->account->group;
	int err = 0;

	if (!run->group.folders[OWN_GROUP_V2] && !run->group.folders[OWN_GROUP_MEMORY])
		return 0;
	own_group_read(&run->group, sums);
	if (!sums->has_memory)
		err = account_lack(run->account, 0,
				   "memory of the control group: it has no memory controller");
	if (!err && !sums->has_io)
		err = account_lack(
			run->account, 0,
			"disk bytes of the control group: it has no controller for them");
	return err;
}

static int finish(struct run *run)
{
	int err = take_group(run);

	if (err)
		return err;
	if (run->balance) {
		if (run->launch.has_ended)
			settle(run);
		besides_stop(&run->besides);
		err = balance_finish(run->balance);
		return err ?: besides_finish(&run->besides, &run->profile);
	}
	run->account->ended_mono_ns = clock_mono_ns();
	return ladder_finish(&run->ladder);
}

/* Of a command that goes on without us: as if the signal had ended it. */
static int status_of(const struct run *run)
{
	if (!run->launch.pid)
		return 0;
	return run->launch.has_ended ? launch_exit_status(&run->launch) : 128 + SIGINT;
}

void run_result_done(struct run_result *result)
{
	account_free(result->account);
	profile_free(result->profile);
	*result = (struct run_result){ 0 };
}

int run_once(const struct run_request *request, struct run_result *ret_result)
{
	struct run run = {
		.request = request,
		.signals = { .fd = -1 },
		.launch = { .release = -1, .verdict = -1 },
		.began_mono_ns = clock_mono_ns(),
	};
	int err = signals_take(&run.signals);

	err = err ?: start(&run);
	err = err ?: observe_until_over(&run);
	err = err ?: finish(&run);
	if (!err) {
		signals_read(&run.signals, &run.launch);
		conclude(&run);
		*ret_result = (struct run_result){
			.account = take(run.account),
			.profile = take(run.profile),
			.status = status_of(&run),
		};
	}
	launch_done(&run.launch);
	besides_done(&run.besides);
	balance_close(run.balance);
	ladder_done(&run.ladder);
	own_group_done(&run.group);
	account_free(run.account);
	profile_free(run.profile);
	signals_give_back(&run.signals);
	return err;
}
