/* SPDX-License-Identifier: MIT */
#include "session/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "session/launch.h"
#include "session/signals.h"

struct session {
	const struct session_request *request;
	struct recording_request recording_request;
	struct recording *recording;
	struct profile *profile; /* of the recording */
	struct launch launch;
	struct sink_target target;
	struct signals signals;
	uint64_t started_mono_ns, progress_mono_ns;
};

static bool is_over(const struct session *session, uint64_t now)
{
	const struct session_request *request = session->request;
	bool has_command = session->launch.pid != 0;

	if (has_command && session->launch.has_ended)
		return true;
	if (session->signals.stops >= (has_command ? 2 : 1))
		return true;
	return request->duration_ns && now >= session->started_mono_ns + request->duration_ns;
}

/* Names and writes the samples of this drain, for a format that shows them as they come. */
static int write_live(struct session *session)
{
	struct profile *profile = session->profile;
	int err;

	if (!session->request->sink->is_live || profile->moments.len == 0)
		return 0;
	err = recording_name(session->recording);
	err = err ?: session->request->sink->moments(&session->target, 0, profile->moments.len);
	profile->moments.len = 0;
	if (!err && fflush(session->target.out) != 0)
		err = fail(-errno, "cannot write the samples: %m");
	else if (!err && ferror(session->target.out))
		err = fail(-EIO, "cannot write the samples: %m");
	return err;
}

static void show_progress(struct session *session, uint64_t now)
{
	if (!session->request->progress || now < session->progress_mono_ns + NS_PER_S)
		return;
	session->progress_mono_ns = now;
	session->request->progress(session->profile, now - session->started_mono_ns, false);
}

static int sample_until_over(struct session *session)
{
	uint64_t now = clock_mono_ns(), next = now + RECORDING_DRAIN_MS * NS_PER_MS;
	struct pollfd waits[] = {
		{ .fd = session->signals.fd, .events = POLLIN },
		{ .fd = recording_descriptor(session->recording), .events = POLLIN },
	};

	while (!is_over(session, now)) {
		uint64_t until = next,
			 end = session->started_mono_ns + session->request->duration_ns;
		int err;

		if (session->request->duration_ns && end < until)
			until = end;
		if (until > now)
			poll(waits, array_len(waits), (int)((until - now) / NS_PER_MS) + 1);
		if (waits[0].revents)
			signals_read(&session->signals, &session->launch);
		now = clock_mono_ns();
		if (now < next && !waits[1].revents)
			continue;
		next = now + RECORDING_DRAIN_MS * NS_PER_MS;
		err = recording_drain(session->recording);
		err = err ?: write_live(session);
		if (err)
			return err;
		if (!session->launch.pid && recording_is_over(session->recording))
			return 0;
		show_progress(session, now);
	}
	return 0;
}

static int open_all(struct session *session)
{
	const struct session_request *request = session->request;
	struct recording_request *recording = &session->recording_request;
	int err = 0;

	*recording = (struct recording_request){
		.cpu = request->cpu,
		.naming = request->naming,
		.debuginfod = request->debuginfod,
		.keep_moments = request->sink->every_sample,
	};
	recording->cpu.every_sample = request->sink->every_sample;
	if (request->command) {
		err = launch_prepare(&session->launch, request->command,
				     &session->signals.old_mask);
		recording->cpu.kind = TARGET_PROCESS;
		recording->cpu.launch = session->launch.pid;
	}
	err = err ?: recording_open(recording, &session->recording);
	if (!err)
		session->profile = recording_profile(session->recording);
	return err;
}

static int begin_output(struct session *session)
{
	const struct session_request *request = session->request;

	session->target = (struct sink_target){
		.profile = session->profile,
		.out = request->out,
		.options = request->options,
	};
	return request->sink->begin ? request->sink->begin(&session->target) : 0;
}

static int end_output(struct session *session)
{
	const struct sink *sink = session->request->sink;
	struct profile *profile = session->profile;
	int err;

	if (session->request->progress)
		session->request->progress(profile, profile->duration_ns, true);
	err = write_live(session);
	err = err ?: recording_name(session->recording);
	err = err ?: recording_report(session->recording);
	if (!err && sink->moments && !sink->is_live && profile->moments.len)
		err = sink->moments(&session->target, 0, profile->moments.len);
	return err ?: sink->end(&session->target);
}

/* The command may outlive the sampling; its exit status is ours. */
static void wait_for_command(struct session *session)
{
	struct pollfd wait = { .fd = session->signals.fd, .events = POLLIN };

	while (session->launch.pid && !launch_reap(&session->launch) &&
	       session->signals.stops < 2) {
		poll(&wait, 1, -1);
		signals_read(&session->signals, &session->launch);
	}
}

static int run(struct session *session)
{
	int err = open_all(session);
	sigset_t ours;

	if (err)
		return err;
	session->started_mono_ns = session->profile->started_mono_ns;
	session->progress_mono_ns = session->started_mono_ns;
	err = begin_output(session);
	err = err ?: recording_start(session->recording);
	if (!err && session->launch.pid)
		err = launch_release(&session->launch, session->request->command[0]);
	err = err ?: sample_until_over(session);
	if (err)
		return err;
	recording_stop(session->recording);
	err = recording_finish(session->recording);
	signals_read(&session->signals, &session->launch);
	/* From here on a signal ends kymo: nothing is left to be saved. */
	sigprocmask(SIG_SETMASK, &session->signals.old_mask, &ours);
	err = err ?: end_output(session);
	sigprocmask(SIG_SETMASK, &ours, NULL);
	if (!err)
		wait_for_command(session);
	return err;
}

int session_run(const struct session_request *request, struct profile **ret_profile,
		int *ret_status)
{
	struct session session = {
		.request = request,
		.signals = { .fd = -1 },
		.launch = { .release = -1, .verdict = -1 },
	};
	int err = signals_take(&session.signals);

	err = err ?: run(&session);
	if (!err) {
		*ret_status = session.launch.has_ended ? launch_exit_status(&session.launch) : 0;
		*ret_profile = recording_take(session.recording);
	}
	launch_done(&session.launch);
	recording_free(session.recording);
	signals_give_back(&session.signals);
	return err;
}
