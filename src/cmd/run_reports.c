/* SPDX-License-Identifier: MIT */
#include "cmd/run_reports.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cmd/color.h"
#include "show/record_sinks.h"
#include "show/sinks.h"

#define EVENTS_INTERVAL_NS NS_PER_S /* of tables, of which nothing is written */
#define SVG_LEAST_PCT      0.01     /* of the whole; what is less is left out, and counted */

static int output_open(struct run_output *output, const char *path)
{
	int err = path ? file_output_open_private(&output->file, path) : 0;

	output->out = path && !err ? output->file.out : stderr;
	return err;
}

static int output_close(struct run_output *output, int err)
{
	FILE *out = output->out;

	output->out = NULL;
	if (!out || out == stderr)
		return err;
	if (err)
		file_output_abort(&output->file);
	return err ?: file_output_commit(&output->file);
}

bool run_reports_are_denet(const struct arguments *arguments)
{
	return strcmp(arguments_text(arguments, "format"), "denet") == 0;
}

enum run_stacks run_reports_stacks(const struct arguments *arguments)
{
	if (arguments_has(arguments, "svg") || arguments_flag(arguments, "stacks"))
		return RUN_STACKS_ASKED;
	return arguments_has(arguments, "html") ? RUN_STACKS_WANTED : RUN_STACKS_NOT;
}

/* Records on standard output must stay such: what the command prints there goes to standard error. */
static int open_stdout(struct run_output *output)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return fail(-errno, "cannot keep standard output for records: %m");
	output->file = (struct file_output){ .out = fdopen(fd, "w") };
	output->out = output->file.out;
	return output->out ? 0 : -ENOMEM;
}

static int open_denet(struct run_reports *reports, const char *path)
{
	struct run_output *output = &reports->outputs[RUN_REPORT_DENET];
	int err = path && strcmp(path, "-") != 0 ? output_open(output, path) : open_stdout(output);

	reports->denet = (struct run_denet){ .out = output->out, .view = &reports->view };
	return err;
}

int run_reports_open(struct run_reports *reports, const struct arguments *arguments)
{
	const char *path = arguments_text(arguments, "output");
	const char *json = arguments_text(arguments, "json");
	const char *svg = arguments_text(arguments, "svg");
	const char *html = arguments_text(arguments, "html");
	struct run_output *text = &reports->outputs[RUN_REPORT_TEXT];
	const char *events = arguments_text(arguments, "events");
	bool instead = (json && !*json) || (events && !*events);
	int err = 0;

	if (json && !*json && events && !*events)
		return fail(-ERROR_USAGE,
			    "'--json' and '--events' go to the same place: give one a FILE");
	if (events)
		err = output_open(&reports->events, *events ? events : path);
	if (!err && json)
		err = output_open(&reports->outputs[RUN_REPORT_JSON], *json ? json : path);
	if (!err && svg)
		err = output_open(&reports->outputs[RUN_REPORT_SVG], svg);
	if (!err && html)
		err = output_open(&reports->outputs[RUN_REPORT_HTML], html);
	if (!err && run_reports_are_denet(arguments))
		err = open_denet(reports, path);
	else if (!err && !instead && !arguments_flag(arguments, "quiet"))
		err = output_open(text, path);
	reports->view.colour = text->out == stderr && color_wanted(arguments, stderr);
	reports->view.ascii = text->out == stderr && !locale_is_utf8();
	if (text->out == stderr)
		reports->view.width = terminal_width(stderr);
	if (reports->view.command)
		describe_command(reports->view.command, reports->title, sizeof(reports->title));
	else
		snprintf(reports->title, sizeof(reports->title), "processes that ran already");
	reports->view.title = reports->title;
	return err;
}

const struct watch_request *run_reports_events(struct run_reports *reports)
{
	size_t count = 0;

	if (!reports->events.out)
		return NULL;
	for (const struct collector *const *one = collectors; *one && count < RUN_COLLECTORS; one++)
		if ((*one)->by_default)
			reports->collectors[count++] = *one;
	reports->collectors[count] = NULL;
	reports->watch = (struct watch_request){
		.engine = { .collectors = reports->collectors, .interval_ns = EVENTS_INTERVAL_NS },
		.sink = &show_record_json,
		.target = { .out = reports->events.out },
	};
	return &reports->watch;
}

static int write_svg(FILE *out, const struct run_reports *reports, const struct profile *profile)
{
	struct sink_target target = {
		.profile = profile,
		.out = out,
		.options = { .title = reports->title, .min_share_pct = SVG_LEAST_PCT },
	};

	return show_svg.end(&target);
}

static int write_one(struct run_reports *reports, enum run_report which, FILE *out,
		     const struct run_result *result)
{
	switch (which) {
	case RUN_REPORT_TEXT:
		return show_run_text(out, result->account, &reports->view);
	case RUN_REPORT_JSON:
		return show_run_json(out, result->account, &reports->view);
	case RUN_REPORT_SVG:
		return write_svg(out, reports, result->profile);
	case RUN_REPORT_HTML:
		return show_run_html(out, result->account, &reports->view);
	case RUN_REPORT_DENET:
		return run_denet_end(&reports->denet, result->account);
	case RUN_REPORT_COUNT:
		break;
	}
	return 0;
}

int run_reports_write(struct run_reports *reports, const struct run_result *result)
{
	int failed = 0;

	/* What was measured cannot be measured again: a reader who left ends no other report. */
	signal(SIGPIPE, SIG_IGN);
	reports->view.profile = result->profile;
	failed = output_close(&reports->events, 0);
	for (unsigned i = 0; i < RUN_REPORT_COUNT; i++) {
		struct run_output *output = &reports->outputs[i];
		int err;

		if (!output->out)
			continue;
		err = write_one(reports, (enum run_report)i, output->out, result);
		failed = output_close(output, err) ?: failed;
	}
	if (failed && failed != -ENOMEM)
		failed = show_run_text(stderr, result->account, &reports->view) ?: failed;
	return failed;
}

void run_reports_done(struct run_reports *reports)
{
	run_denet_done(&reports->denet);
	if (output_close(&reports->events, -ECANCELED))
		reports->events.out = NULL;
	for (unsigned i = 0; i < RUN_REPORT_COUNT; i++)
		if (output_close(&reports->outputs[i], -ECANCELED))
			continue;
}
