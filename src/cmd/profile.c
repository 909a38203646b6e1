/* SPDX-License-Identifier: MIT */
#include "cmd/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cmd/color.h"
#include "cmd/format.h"
#include "session/session.h"
#include "ship/sinks.h"
#include "show/sinks.h"

static int check_waker(const struct arguments *arguments)
{
	int err;

	if (!arguments_flag(arguments, "waker") || arguments_flag(arguments, "off-cpu") ||
	    arguments_flag(arguments, "wall"))
		return 0;
	err = fail(-EINVAL, "'--waker' tells who ended a wait, and no waits are asked for");
	hint("add '--off-cpu' or '--wall'");
	return err;
}

static int choose_sink(const struct arguments *arguments, const struct sink **ret_sink)
{
	const char *path = arguments_text(arguments, "output");
	const struct sink *sink = format_find(arguments_text(arguments, "format"));

	if (path && !arguments_has(arguments, "format"))
		sink = format_for_file(path, sink);
	*ret_sink = sink;
	return format_check(sink, path);
}

static int read_targets(const struct arguments *arguments, struct cpu_request *cpu,
			struct id_list *ids)
{
	int err = 0;

	cpu->kind = TARGET_HOST;
	if (arguments_has(arguments, "pid")) {
		cpu->kind = TARGET_PROCESS;
		err = arguments_ids(arguments, "pid", ids);
	} else if (arguments_has(arguments, "tid")) {
		cpu->kind = TARGET_THREAD;
		err = arguments_ids(arguments, "tid", ids);
	} else if (arguments_has(arguments, "cgroup")) {
		cpu->kind = TARGET_CGROUP;
		cpu->cgroup = arguments_text(arguments, "cgroup");
	}
	cpu->ids = ids->ids.data;
	cpu->id_count = ids->ids.len;
	return err;
}

static enum cpu_timer read_timer(const struct arguments *arguments)
{
	const char *timer = arguments_text(arguments, "timer");

	if (arguments_flag(arguments, "hw"))
		return CPU_TIMER_HARDWARE;
	if (timer && strcmp(timer, "tick") == 0)
		return CPU_TIMER_TICK;
	if (timer || arguments_flag(arguments, "sw"))
		return CPU_TIMER_CLOCK;
	return CPU_TIMER_BEST;
}

static enum cpu_unwind read_unwind(const struct arguments *arguments)
{
	const char *way = arguments_text(arguments, "unwind");

	if (!way)
		return CPU_UNWIND_BEST;
	return strcmp(way, "fp") == 0         ? CPU_UNWIND_FP
	       : strcmp(way, "deferred") == 0 ? CPU_UNWIND_DEFERRED
					      : CPU_UNWIND_INTERRUPT;
}

/* "process 12, 34" */
static void describe_targets(const struct cpu_request *cpu, char *const *command, char *text,
			     size_t size)
{
	size_t len;

	switch (cpu->kind) {
	case TARGET_HOST:
		if (command)
			describe_command(command, text, size);
		else
			snprintf(text, size, "whole host");
		return;
	case TARGET_CGROUP:
		snprintf(text, size, "cgroup %s", cpu->cgroup);
		return;
	case TARGET_PROCESS:
	case TARGET_THREAD:
		len = (size_t)snprintf(text, size,
				       cpu->kind == TARGET_THREAD ? "thread" : "process");
		for (size_t i = 0; i < cpu->id_count && len < size; i++)
			len += (size_t)snprintf(text + len, size - len, "%s%u", i ? ", " : " ",
						cpu->ids[i]);
		return;
	}
}

static void put_progress(const struct profile *profile, uint64_t elapsed_ns, bool is_naming)
{
	if (is_naming)
		fprintf(stderr, "\r\033[K");
	else
		fprintf(stderr, "\r\033[Ksampling: %lu s, %lu samples (Ctrl-C ends)",
			(unsigned long)(elapsed_ns / NS_PER_S), (unsigned long)profile->samples);
	fflush(stderr);
}

/* A tree is read as a whole; in a picture one zooms. */
static double read_min_share(const struct arguments *arguments, const struct sink *sink)
{
	if (arguments_has(arguments, "min-share"))
		return arguments_decimal(arguments, "min-share");
	return sink == &show_svg ? 0.01 : 0.5;
}

/* What a reader of the output must know, for formats that do not say it themselves. */
static void put_closing(const struct profile *profile)
{
	fprintf(stderr, "kymo: %lu %s in %.1f s, %s", (unsigned long)profile->samples,
		profile->time == PROFILE_WAITING ? "waits" : "samples",
		(double)profile->duration_ns / NS_PER_S, profile->coverage.mode);
	if (profile->rate_hz)
		fprintf(stderr, ", %u Hz on %u processors", profile->rate_hz, profile->cpus);
	fprintf(stderr, "; %lu lost\n", (unsigned long)coverage_lost(&profile->coverage));
	vec_each(loss, &profile->coverage.lost)
		fprintf(stderr, "kymo: lost: %lu %s\n", (unsigned long)loss->count, loss->kind);
	vec_each(what, &profile->coverage.not_measured)
		fprintf(stderr, "kymo: not measured: %s\n", *what);
}

static int run(const struct arguments *arguments, struct session_request *request)
{
	struct file_output output;
	struct profile *profile = NULL;
	int status = 0, err;

	err = file_output_open(&output, arguments_text(arguments, "output"));
	if (err)
		return err;
	request->out = output.out;
	err = session_run(request, &profile, &status);
	if (err) {
		file_output_abort(&output);
		return err;
	}
	err = file_output_commit(&output);
	if (!err && !arguments_flag(arguments, "quiet") && request->sink != &show_tree)
		put_closing(profile);
	profile_free(profile);
	if (err)
		return err;
	error_clear(); /* of ways that were tried and not taken */
	return status;
}

int profile_run(const struct arguments *arguments)
{
	struct session_request request = {
		.cpu = {
			.rate_hz = (uint32_t)arguments_number(arguments, "frequency"),
			.timer = read_timer(arguments),
			.time = arguments_flag(arguments, "wall")    ? CPU_TIME_WALL :
				arguments_flag(arguments, "off-cpu") ? CPU_TIME_OFF :
									 CPU_TIME_ON,
			.min_block_ns = arguments_number(arguments, "min-block"),
			.unwind = read_unwind(arguments),
			.wakers = arguments_flag(arguments, "waker"),
			.unwind_bytes = arguments_number(arguments, "unwind-memory"),
			.want_user = !arguments_flag(arguments, "kernel"),
			.want_kernel = !arguments_flag(arguments, "user"),
		},
		.duration_ns = arguments_number(arguments, "duration"),
		.debuginfod = arguments_flag(arguments, "debuginfod"),
		.naming = {
			.mangled = !arguments_flag(arguments, "demangle"),
			.no_inline = !arguments_flag(arguments, "inline"),
		},
	};
	struct id_list ids = { 0 };
	char title[256];
	int err;

	if (arguments->has_command)
		request.command = arguments->operands.data;
	err = check_waker(arguments);
	err = err ?: choose_sink(arguments, &request.sink);
	err = err ?: read_targets(arguments, &request.cpu, &ids);
	if (!err) {
		describe_targets(&request.cpu, request.command, title, sizeof(title));
		request.options = (struct sink_options){
			.title = title,
			.min_share_pct = read_min_share(arguments, request.sink),
			.stacks = arguments_flag(arguments, "stacks"),
		};
		if (!arguments_has(arguments, "output")) {
			request.options.width = terminal_width(stdout);
			request.options.colour = color_wanted(arguments, stdout);
			request.options.ascii = !locale_is_utf8();
		}
		if (!arguments_flag(arguments, "quiet") && !request.command &&
		    isatty(STDERR_FILENO) && !(request.sink->is_live && isatty(STDOUT_FILENO)))
			request.progress = put_progress;
		err = run(arguments, &request);
	}
	vec_done(&ids.ids);
	return err;
}
