/* SPDX-License-Identifier: MIT */
#include "session/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/cgroup.h"
#include "session/views.h"
#include "session/watch_filter.h"

struct watch {
	const struct watch_request *request;
	struct engine_request engine_request;
	struct engine *engine;
	struct coverage *coverage;
	struct record_target target;
	struct views views;
	uint64_t written, started_ns;
};

static const char *cgroup_path(void *context, uint64_t id)
{
	return cgroup_names_path(context, id);
}

/* Control groups are told in the hierarchy of the one that is wanted, else in that which is in use. */
static int prepare_cgroups(struct watch *watch)
{
	struct engine_request *request = &watch->engine_request;
	struct event_filter *filter = &request->filter;
	int err = 0;

	if (watch->request->cgroup)
		err = cgroup_find(watch->request->cgroup, &filter->hierarchy, &filter->cgroup_id);
	else
		filter->hierarchy = cgroup_choose();
	err = err ?: cgroup_names_new(filter->hierarchy, &request->names);
	watch->target.cgroup_path = cgroup_path;
	watch->target.context = request->names;
	return err;
}

static int flush_output(struct watch *watch)
{
	if (fflush(watch->target.out) != 0)
		return fail(-errno, "cannot write the records: %m");
	return ferror(watch->target.out) ? fail(-EIO, "cannot write the records: %m") : 0;
}

/* What only hooks on system calls would tell. */
static int note_unhooked(struct watch *watch)
{
	const struct engine_request *request = &watch->request->engine;
	char text[160];
	int err = 0;

	for (const struct collector *const *one = request->collectors; !err && *one; one++) {
		if (!(*one)->syscalls || request->syscalls)
			continue;
		snprintf(text, sizeof(text), "%s: %s (only with --syscalls)", (*one)->name,
			 (*one)->syscalls_help);
		err = coverage_lack(watch->coverage, text);
	}
	return err;
}

static int prepare(struct watch *watch)
{
	const struct engine_request *request = &watch->engine_request;
	int err = prepare_cgroups(watch);

	err = err
		      ?: views_of(request->collectors, request->syscalls, request->standing,
				  &watch->views);
	watch->target.views = watch->views.list.data;
	watch->target.view_count = watch->views.list.len;
	err = err ?: engine_open(&watch->engine_request, watch->coverage, &watch->engine);
	err = err ?: note_unhooked(watch);
	return err ?: coverage_set_mode(watch->coverage, "BPF at tracepoints");
}

int watch_start(struct watch *watch)
{
	const struct record_sink *sink = watch->request->sink;
	int err;

	watch->started_ns = clock_mono_ns();
	err = engine_start(watch->engine);
	watch->target.unix_offset_ns = clock_unix_offset_ns();
	if (!err && sink->begin)
		err = sink->begin(&watch->target);
	return err ?: flush_output(watch);
}

static int write_losses(struct watch *watch, const struct records_batch *batch)
{
	const struct record_sink *sink = watch->request->sink;
	char kind[160];
	int err = 0;

	vec_each(loss, &batch->losses) {
		snprintf(kind, sizeof(kind), "%s %s: %s", loss->collector, loss->event, loss->why);
		err = err ?: coverage_lose(watch->coverage, kind, loss->count, loss->to_mono_ns);
		if (!err && sink->loss)
			err = sink->loss(&watch->target, loss);
	}
	return err;
}

static bool has_enough(const struct watch *watch)
{
	return watch->request->count && watch->written >= watch->request->count;
}

/* By the tree, which learns from every record, and by the rest of the filter. */
static int is_wanted(struct watch *watch, const struct record *record, bool *ret_wanted)
{
	struct watch_tree *tree = watch->request->tree;
	int err = 0;

	*ret_wanted = true;
	if (tree)
		err = watch_tree_take(tree, record, ret_wanted);
	if (err == -E2BIG)
		err = coverage_lose(watch->coverage, "processes: too many to follow", 1,
				    clock_mono_ns());
	*ret_wanted = *ret_wanted && watch_filter_wants(watch->request, record);
	return err;
}

static int write_batch(struct watch *watch, const struct records_batch *batch)
{
	const struct record_sink *sink = watch->request->sink;
	int err = 0;

	watch->target.unix_offset_ns = batch->unix_offset_ns;
	for (size_t i = 0; !err && i < batch->entries.len && !has_enough(watch); i++) {
		struct record record = records_at(batch, i);
		bool wanted;

		err = is_wanted(watch, &record, &wanted);
		if (err || !wanted)
			continue;
		watch->written++;
		err = sink->record(&watch->target, &record);
	}
	err = err ?: write_losses(watch, batch);
	if (!err && sink->flush)
		err = sink->flush(&watch->target);
	return err ?: flush_output(watch);
}

static int drain(struct watch *watch, bool is_last)
{
	const struct records_batch *batch;
	int err = engine_drain(watch->engine, is_last, &batch);

	return err ?: write_batch(watch, batch);
}

int watch_drain(struct watch *watch)
{
	return drain(watch, false);
}

int watch_descriptor(const struct watch *watch)
{
	return engine_descriptor(watch->engine);
}

int watch_finish(struct watch *watch)
{
	const struct record_sink *sink = watch->request->sink;
	int err = 0;

	engine_stop(watch->engine);
	do
		err = drain(watch, true);
	while (!err && engine_more(watch->engine));
	return err ?: sink->end ? sink->end(&watch->target, watch->coverage) : 0;
}

int watch_open(const struct watch_request *request, struct coverage *coverage,
	       struct watch **ret_watch)
{
	own(watch_closep) struct watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->request = request;
	watch->engine_request = request->engine;
	watch->coverage = coverage;
	watch->target = request->target;
	watch->target.interval_ns = request->engine.interval_ns;
	err = prepare(watch);
	if (err)
		return err;
	*ret_watch = take(watch);
	return 0;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	engine_close(watch->engine);
	cgroup_names_free(watch->engine_request.names);
	views_done(&watch->views);
	free(watch);
}

static int take_signals(int *ret_fd, sigset_t *ret_old_mask)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, ret_old_mask);
	*ret_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? fail(-errno, "cannot take signals by descriptor: %m") : 0;
}

static bool is_stopped(int signals)
{
	struct signalfd_siginfo signal;

	return read(signals, &signal, sizeof(signal)) == sizeof(signal);
}

static bool is_over(const struct watch *watch, uint64_t now)
{
	uint64_t duration_ns = watch->request->duration_ns;

	return has_enough(watch) || (duration_ns && now >= watch->started_ns + duration_ns);
}

static int watch_until_over(struct watch *watch, int signals)
{
	uint64_t now = clock_mono_ns(), until,
		 end = watch->started_ns + watch->request->duration_ns;
	struct pollfd waits[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = engine_descriptor(watch->engine), .events = POLLIN },
	};
	bool stopped = false;
	int err = 0;

	while (!err && !stopped && !is_over(watch, now)) {
		until = now + WATCH_DRAIN_MS * NS_PER_MS;
		if (watch->request->duration_ns && end < until)
			until = end;
		if (!engine_more(watch->engine))
			poll(waits, array_len(waits), (int)((until - now) / NS_PER_MS) + 1);
		stopped = is_stopped(signals);
		err = drain(watch, false);
		now = clock_mono_ns();
	}
	return err;
}

int watch_run(const struct watch_request *request, struct coverage *coverage)
{
	own(watch_closep) struct watch *watch = NULL;
	own(fd_closep) int signals = -1;
	sigset_t old_mask;
	int err = take_signals(&signals, &old_mask);

	err = err ?: watch_open(request, coverage, &watch);
	err = err ?: watch_start(watch);
	err = err ?: watch_until_over(watch, signals);
	err = err ?: watch_finish(watch);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	return err;
}
