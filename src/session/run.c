/* SPDX-License-Identifier: MIT */
#include "session/run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/balance/balance.h"
#include "session/launch.h"
#include "session/signals.h"

#define SETTLE_STEP_NS (200 * NS_PER_US)
#define SETTLE_NS      (20 * NS_PER_MS) /* for threads that are ending when the command has */

struct run {
	const struct run_request *request;
	struct account *account;
	struct balance *balance;
	struct launch launch;
	struct signals signals;
	uint64_t began_mono_ns; /* of kymo's own work on it */
	uint64_t next_moment_ns;
	uint64_t stolen_ns; /* before it began */
};

static bool is_over(const struct run *run, uint64_t now)
{
	const struct run_request *request = run->request;
	bool has_command = run->launch.pid != 0;

	if (run->signals.stops >= (has_command ? 2 : 1))
		return true;
	if (has_command && run->launch.has_ended)
		return !request->wait_all || !balance_alive(run->balance);
	if (!has_command && !balance_alive(run->balance))
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
	if (request->timeline_ns && run->next_moment_ns < until)
		until = run->next_moment_ns;
	return until > now ? (int)((until - now) / NS_PER_MS) + 1 : 0;
}

static int observe_until_over(struct run *run)
{
	uint64_t now = clock_mono_ns(), drain_ns = now + RUN_DRAIN_MS * NS_PER_MS;
	struct pollfd waits[] = {
		{ .fd = run->signals.fd, .events = POLLIN },
		{ .fd = balance_descriptor(run->balance), .events = POLLIN },
	};
	int err = 0;

	while (!err && !is_over(run, now)) {
		poll(waits, array_len(waits), patience_ms(run, now, drain_ns));
		if (waits[0].revents)
			signals_read(&run->signals, &run->launch);
		now = clock_mono_ns();
		if (run->request->timeline_ns && now >= run->next_moment_ns) {
			run->next_moment_ns += run->request->timeline_ns;
			err = balance_moment(run->balance);
		}
		if (now < drain_ns && !waits[1].revents)
			continue;
		drain_ns = now + RUN_DRAIN_MS * NS_PER_MS;
		err = err ?: balance_drain(run->balance);
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

/* What the host of this machine has taken from all its CPUs so far. */
static uint64_t steal_ns(void)
{
	own(file_closep) FILE *stat = fopen("/proc/stat", "re");
	unsigned long long ticks = 0;

	if (!stat || fscanf(stat, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
		return 0;
	return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t own_cpu_ns(uint64_t *ret_rss_bytes)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	*ret_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Which of the processes is the command. */
static void find_root(struct run *run)
{
	struct account *account = run->account;
	uint64_t born = balance_root_born(run->balance);

	for (size_t i = 0; born && i < account->processes.len; i++)
		if (account->processes.data[i].born_mono_ns == born)
			account->root = (uint32_t)i;
	if (account->root != ACCOUNT_NONE)
		account->started_mono_ns = born;
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
	account->steal_ns = steal_ns() - run->stolen_ns;
	account->wall_ns = ended - account->started_mono_ns;
	account->started_unix_ns = account->started_mono_ns + clock_unix_offset_ns();
	account->observer_cpu_ns = own_cpu_ns(&account->observer_rss_bytes);
}

static int start(struct run *run)
{
	const struct run_request *request = run->request;
	struct balance_request balance = {
		.pids = request->pids,
		.pid_count = request->pid_count,
		.syscalls = request->syscalls,
		.latency = request->latency,
		.files = request->files,
	};
	int err = account_new(&run->account);

	if (!err && request->command)
		err = launch_prepare(&run->launch, request->command, &run->signals.old_mask);
	balance.launch = run->launch.pid;
	err = err ?: balance_open(&balance, run->account, &run->balance);
	err = err ?: balance_start(run->balance);
	if (err)
		return err;
	run->account->started_mono_ns = clock_mono_ns();
	run->stolen_ns = steal_ns();
	run->account->observer_load_ns = run->account->started_mono_ns - run->began_mono_ns;
	run->next_moment_ns = run->account->started_mono_ns + request->timeline_ns;
	return request->command ? launch_release(&run->launch, request->command[0]) : 0;
}

/* Of a command that goes on without us: as if the signal had ended it. */
static int status_of(const struct run *run)
{
	if (!run->launch.pid)
		return 0;
	return run->launch.has_ended ? launch_exit_status(&run->launch) : 128 + SIGINT;
}

int run_once(const struct run_request *request, struct account **ret_account, int *ret_status)
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
	if (!err && run.launch.has_ended)
		settle(&run);
	if (!err)
		err = balance_finish(run.balance);
	if (!err) {
		signals_read(&run.signals, &run.launch);
		conclude(&run);
		*ret_status = status_of(&run);
		*ret_account = take(run.account);
	}
	launch_done(&run.launch);
	balance_close(run.balance);
	account_free(run.account);
	signals_give_back(&run.signals);
	return err;
}
