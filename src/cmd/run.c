/* SPDX-License-Identifier: MIT */
#include "cmd/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cmd/run_reports.h"
#include "cmd/series.h"
#include "show/run_series.h"

#define STATUS_EXCEEDED 3

#define PAGE_EVERY_NS   (20 * NS_PER_MS) /* between the first moments of a timeline for a page */
#define PAGE_PARTS      50

/* As denet has it: until 1 s, and from 10 s on every second. */
#define DENET_EVERY_NS  (100 * NS_PER_MS)
#define DENET_PARTS     10

/* A limit, and the figure that it is of. */
static const struct limit {
	const char *option, *metric;
} limits[] = {
	{ "max-wall", "wall_ns" },
	{ "max-cpu", "cpu_ns" },
	{ "max-runq", "runq_ns" },
	{ "max-disk-wait", "blocked_disk_ns" },
	{ "max-lock-wait", "blocked_lock_ns" },
	{ "max-peak-rss", "peak_rss_bytes" },
	{ "max-disk-read", "disk_read_bytes" },
	{ "max-disk-written", "disk_written_bytes" },
	{ "max-processes", "processes" },
};

/* Return: 0; STATUS_EXCEEDED; -ENOTSUP what was not measured keeps no limit; with fail() said */
static int check_limits(const struct arguments *arguments, const struct metric_series *series)
{
	for (size_t i = 0; i < array_len(limits); i++) {
		unsigned number = metric_find(limits[i].metric);
		double most = (double)arguments_number(arguments, limits[i].option);
		double found = series_summary(series, number).median;

		if (!arguments_has(arguments, limits[i].option))
			continue;
		if (!series->values[number].len)
			return fail(-ENOTSUP, "'--%s' cannot be kept: '%s' was not measured",
				    limits[i].option, limits[i].metric);
		if (found > most)
			return fail(STATUS_EXCEEDED, "'--%s' is exceeded: %.0f is more than %.0f",
				    limits[i].option, found, most);
	}
	return 0;
}

static int compare(const char *baseline, const struct metric_series *after,
		   const struct series_host *host)
{
	struct metric_series before = { 0 };
	struct series_host old = { "" };
	struct metric_differences differences = { 0 };
	int err = series_load(baseline, &before, &old);

	err = err ?: series_compare(&before, after, &differences);
	if (!err) {
		fprintf(stderr, "\nAGAINST %s (%zu runs before, %zu after)\n", baseline,
			before.runs, after->runs);
		show_differences(stderr, &differences, &old, host);
	}
	vec_done(&differences.rows);
	series_done(&before);
	return err;
}

/* All runs; the result of the last is kept.  Return: as run_once() */
static int run_series(const struct arguments *arguments, const struct run_request *request,
		      struct metric_series *series, struct run_result *result)
{
	uint64_t warmups = arguments_number(arguments, "warmup");
	uint64_t count = warmups + arguments_number(arguments, "repeat");
	int err = 0;

	series->warmups = warmups;
	for (uint64_t i = 0; !err && i < count; i++) {
		run_result_done(result);
		err = run_once(request, result);
		if (!err && i >= warmups)
			err = series_add(series, result->account);
		if (result->status && !arguments_flag(arguments, "ignore-failure"))
			break;
	}
	return err;
}

static enum run_rung read_rung(const struct arguments *arguments)
{
	static const char *const names[] = {
		[RUN_BEST] = "auto",     [RUN_BPF] = "bpf",       [RUN_PERF] = "perf",
		[RUN_PTRACE] = "ptrace", [RUN_CGROUP] = "cgroup", [RUN_PROC] = "proc",
	};
	const char *name = arguments_text(arguments, "rung");

	for (unsigned i = 0; i < array_len(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum run_rung)i;
	return RUN_BEST;
}

/* A page has a picture of it, for which the first moments need to be close. */
static struct run_timeline read_timeline(const struct arguments *arguments)
{
	if (arguments_has(arguments, "timeline"))
		return (struct run_timeline){ .every_ns = arguments_number(arguments, "timeline") };
	if (run_reports_are_denet(arguments))
		return (struct run_timeline){ .every_ns = DENET_EVERY_NS, .parts = DENET_PARTS };
	if (!arguments_has(arguments, "html"))
		return (struct run_timeline){ .every_ns = 0 };
	return (struct run_timeline){ .every_ns = PAGE_EVERY_NS, .parts = PAGE_PARTS };
}

/* A comma-separated list of sections of an account. */
static int read_sections(const char *list, uint32_t *ret_sections)
{
	uint32_t sections = 0;

	while (list && *list) {
		size_t len = strcspn(list, ",");
		unsigned i = 0;

		while (i < SECTION_COUNT &&
		       (strncmp(account_sections[i], list, len) != 0 || account_sections[i][len]))
			i++;
		if (i == SECTION_COUNT) {
			fail(-ERROR_USAGE, "'%.*s' is no section of an account", (int)len, list);
			hint("'kymo run --help' lists those that '--require' knows");
			return -ERROR_USAGE;
		}
		sections |= 1u << i;
		list += len + (list[len] == ',');
	}
	*ret_sections = sections;
	return 0;
}

/* What makes no sense together. */
static int check_request(const struct arguments *arguments, const struct run_request *request)
{
	int err;

	if (!request->command && !request->pid_count) {
		err = fail(-ERROR_USAGE, "no command to run, and no process to observe");
		hint("'kymo run -- COMMAND', or 'kymo run -p PID'");
		return err;
	}
	if (run_reports_are_denet(arguments) && arguments_number(arguments, "repeat") > 1)
		return fail(-ERROR_USAGE, "'--format denet' is of one run, without '--repeat'");
	if (request->command)
		return 0;
	if (arguments_number(arguments, "repeat") > 1)
		return fail(-ERROR_USAGE, "'--repeat' needs a command");
	if (request->cgroup)
		return fail(-ERROR_USAGE, "'--cgroup' needs a command");
	if (request->rung > RUN_BPF)
		return fail(-ERROR_USAGE, "'--rung %s' needs a command",
			    arguments_text(arguments, "rung"));
	return 0;
}

int run_run(const struct arguments *arguments)
{
	struct run_request request = {
		.rung = read_rung(arguments),
		.stacks = run_reports_stacks(arguments),
		.duration_ns = arguments_number(arguments, "duration"),
		.timeline = read_timeline(arguments),
		.syscalls = arguments_has(arguments, "syscalls"),
		.latency = arguments_has(arguments, "syscalls") &&
			   strcmp(arguments_text(arguments, "syscalls"), "latency") == 0,
		.files = arguments_flag(arguments, "files"),
		.cgroup = arguments_flag(arguments, "cgroup"),
		.wait_all = arguments_flag(arguments, "wait-all"),
	};
	struct run_result result = { 0 };
	struct metric_series series = { 0 };
	struct series_host host = { "" };
	struct run_reports reports = { .view = { .series = &series, .host = &host } };
	const char *baseline = arguments_text(arguments, "baseline");
	own(redact_freep) struct redact *redact = NULL;
	own(freep) char **shown = NULL; /* the command as it may be shown */
	struct id_list ids = { 0 };
	int err;

	if (arguments->has_command)
		request.command = arguments->operands.data;
	err = arguments_ids(arguments, "pid", &ids);
	request.pids = reports.view.pids = ids.ids.data;
	request.pid_count = reports.view.pid_count = ids.ids.len;
	err = err ?: check_request(arguments, &request);
	err = err ?: read_sections(arguments_text(arguments, "require"), &request.required);
	if (!err && arguments_has(arguments, "redact"))
		err = redact_new(arguments_text(arguments, "redact"), &redact);
	if (!err && redact && request.command)
		err = redact_command(redact, request.command, &shown);
	request.redact = redact;
	reports.view.command = shown ?: request.command;
	err = err ?: run_reports_open(&reports, arguments);
	request.events = run_reports_events(&reports);
	if (reports.outputs[RUN_REPORT_DENET].out) {
		request.moment = run_denet_moment;
		request.listener = &reports.denet;
	}
	series_host(&host);
	err = err ?: run_series(arguments, &request, &series, &result);
	if (!err) {
		error_clear(); /* of ways that were tried and not taken */
		err = run_reports_write(&reports, &result);
		if (!err && baseline)
			err = compare(baseline, &series, &host);
		err = err ?: result.status ?: check_limits(arguments, &series);
	}
	run_result_done(&result);
	series_done(&series);
	run_reports_done(&reports);
	vec_done(&ids.ids);
	return err;
}
