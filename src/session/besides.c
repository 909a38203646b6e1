/* SPDX-License-Identifier: MIT */
#include "session/besides.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/namespace.h"

#define STACKS_RATE_HZ  99
#define STACKS_BLOCK_NS NS_PER_MS /* shorter waits are added up, without a stack each */

/* All that was there when the balance began; what they fork is followed. */
static int list_tree(struct besides *besides, const struct account *account)
{
	int err = 0;

	vec_each(process, &account->processes)
		err = err ?: vec_push(&besides->pids, process->pid);
	return err;
}

static int open_recording(struct besides *besides, pid_t launch)
{
	int err;

	besides->recording_request = (struct recording_request){
		.cpu = {
			.kind = TARGET_PROCESS,
			.ids = besides->pids.data,
			.id_count = besides->pids.len,
			.launch = launch,
			.rate_hz = STACKS_RATE_HZ,
			.time = CPU_TIME_WALL,
			.min_block_ns = STACKS_BLOCK_NS,
			.want_user = true,
			.want_kernel = true,
		},
	};
	err = recording_open(&besides->recording_request, &besides->recording);
	return err ?: recording_start(besides->recording);
}

static int open_stacks(struct besides *besides, enum run_stacks stacks, pid_t launch,
		       struct account *account)
{
	int err;

	if (stacks == RUN_STACKS_NOT)
		return 0;
	if (account->rung == ACCOUNT_BPF) {
		err = open_recording(besides, launch);
	} else {
		err = fail(-ENOTSUP, "stacks of waits are taken by BPF alone");
		hint("leave out '--rung'; 'kymo doctor' tells what BPF lacks here");
	}
	if (!err || err == -ENOMEM || stacks == RUN_STACKS_ASKED)
		return err;
	recording_free(besides->recording);
	besides->recording = NULL;
	error_clear();
	return coverage_lack(&account->coverage, "stacks: they could not be taken");
}

/* Records tell processes by the numbers of the initial PID namespace. */
static int open_events(struct besides *besides, const struct watch_request *events,
		       const struct redact *redact, pid_t launch)
{
	uint32_t pid_namespace = 0;
	int err = namespace_of_pids(&pid_namespace);

	if (!err && pid_namespace)
		err = fail(-ENOTSUP, "events of a tree are not told inside a PID namespace");
	besides->tree.launch_pid = (uint32_t)launch;
	vec_each(pid, &besides->pids)
		err = err ?: watch_tree_add(&besides->tree, *pid);
	besides->watch_request = *events;
	besides->watch_request.target.redact = redact;
	besides->watch_request.tree = &besides->tree;
	err = err ?: watch_open(&besides->watch_request, &besides->watch_coverage, &besides->watch);
	return err ?: watch_start(besides->watch);
}

int besides_open(struct besides *besides, const struct run_request *request, pid_t launch,
		 struct account *account)
{
	int err = launch ? 0 : list_tree(besides, account);

	err = err ?: open_stacks(besides, request->stacks, launch, account);
	if (!err && request->events)
		err = open_events(besides, request->events, request->redact, launch);
	return err;
}

void besides_descriptors(const struct besides *besides, int fds[BESIDES_DESCRIPTORS])
{
	fds[0] = besides->recording ? recording_descriptor(besides->recording) : -1;
	fds[1] = besides->watch ? watch_descriptor(besides->watch) : -1;
}

/* Events that cannot be written do not end the run: whoever opened their file says so at its end. */
static int end_events(struct besides *besides, int err)
{
	if (!err)
		return 0;
	watch_close(besides->watch);
	besides->watch = NULL;
	return err == -ENOMEM ? err : 0;
}

int besides_drain(struct besides *besides)
{
	int err = besides->recording ? recording_drain(besides->recording) : 0;

	if (!err && besides->watch)
		err = end_events(besides, watch_drain(besides->watch));
	return err;
}

void besides_stop(struct besides *besides)
{
	if (besides->recording)
		recording_stop(besides->recording);
}

static int finish_recording(struct besides *besides, struct profile **ret_profile)
{
	int err = recording_finish(besides->recording);

	err = err ?: recording_name(besides->recording);
	err = err ?: recording_report(besides->recording);
	if (!err)
		*ret_profile = recording_take(besides->recording);
	return err;
}

int besides_finish(struct besides *besides, struct profile **ret_profile)
{
	int err = 0;

	*ret_profile = NULL;
	if (besides->watch)
		err = end_events(besides, watch_finish(besides->watch));
	if (!err && besides->recording)
		err = finish_recording(besides, ret_profile);
	return err;
}

void besides_done(struct besides *besides)
{
	recording_free(besides->recording);
	watch_close(besides->watch);
	watch_tree_done(&besides->tree);
	coverage_done(&besides->watch_coverage);
	vec_done(&besides->pids);
	*besides = (struct besides){ 0 };
}
