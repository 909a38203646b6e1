/* SPDX-License-Identifier: MIT */
#include "session/besides.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"

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

static int open_recording(struct besides *besides, pid_t launch, const struct account *account)
{
	int err = launch ? 0 : list_tree(besides, account);

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
	err = err ?: recording_open(&besides->recording_request, &besides->recording);
	return err ?: recording_start(besides->recording);
}

int besides_open(struct besides *besides, const struct run_request *request, pid_t launch,
		 struct account *account)
{
	int err = 0;

	if (request->stacks != RUN_STACKS_NOT && account->rung != ACCOUNT_BPF) {
		err = fail(-ENOTSUP, "stacks of waits are taken by BPF alone");
		hint("leave out '--rung'; 'kymo doctor' tells what BPF lacks here");
	} else if (request->stacks != RUN_STACKS_NOT) {
		err = open_recording(besides, launch, account);
	}
	if (!err || err == -ENOMEM || request->stacks == RUN_STACKS_ASKED)
		return err;
	recording_free(besides->recording);
	besides->recording = NULL;
	err = coverage_lack(&account->coverage, "stacks: they could not be taken");
	error_clear();
	return err;
}

int besides_descriptor(const struct besides *besides)
{
	return besides->recording ? recording_descriptor(besides->recording) : -1;
}

int besides_drain(struct besides *besides)
{
	return besides->recording ? recording_drain(besides->recording) : 0;
}

void besides_stop(struct besides *besides)
{
	if (besides->recording)
		recording_stop(besides->recording);
}

int besides_finish(struct besides *besides, struct profile **ret_profile)
{
	int err;

	*ret_profile = NULL;
	if (!besides->recording)
		return 0;
	err = recording_finish(besides->recording);
	err = err ?: recording_name(besides->recording);
	err = err ?: recording_report(besides->recording);
	if (!err)
		*ret_profile = recording_take(besides->recording);
	return err;
}

void besides_done(struct besides *besides)
{
	recording_free(besides->recording);
	vec_done(&besides->pids);
	*besides = (struct besides){ 0 };
}
