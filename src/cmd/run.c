/* SPDX-License-Identifier: MIT */
#include "cmd/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cmd/color.h"
#include "session/run.h"
#include "show/run.h"

/* Where a report goes: a file, opened before the command runs, or standard error. */
struct report {
	struct file_output file;
	FILE *out; /* NULL: not wanted */
};

static int report_open(struct report *report, const char *path)
{
	int err = path ? file_output_open(&report->file, path) : 0;

	report->out = path && !err ? report->file.out : stderr;
	return err;
}

static int report_close(struct report *report, int err)
{
	if (!report->out || report->out == stderr)
		return err;
	report->out = NULL;
	if (err)
		file_output_abort(&report->file);
	return err ?: file_output_commit(&report->file);
}

struct reports {
	struct report text, json;
	struct run_view view;
};

static int reports_open(struct reports *reports, const struct arguments *arguments)
{
	const char *path = arguments_text(arguments, "output");
	const char *json = arguments_text(arguments, "json");
	bool instead = json && !*json;
	int err = 0;

	if (instead)
		err = report_open(&reports->json, path);
	else if (json)
		err = report_open(&reports->json, json);
	if (!err && !instead && !arguments_flag(arguments, "quiet"))
		err = report_open(&reports->text, path);
	reports->view.colour = reports->text.out == stderr && color_wanted(arguments, stderr);
	return err;
}

/* What cannot be written where it should go is not lost. */
static int reports_write(struct reports *reports, const struct account *account)
{
	int err = 0, failed = 0;

	if (reports->text.out) {
		err = show_run_text(reports->text.out, account, &reports->view);
		failed = report_close(&reports->text, err);
	}
	if (reports->json.out) {
		err = show_run_json(reports->json.out, account, &reports->view);
		failed = report_close(&reports->json, err) ?: failed;
	}
	if (failed && failed != -ENOMEM)
		failed = show_run_text(stderr, account, &reports->view) ?: failed;
	return failed;
}

static void reports_abort(struct reports *reports)
{
	report_close(&reports->text, -ECANCELED);
	report_close(&reports->json, -ECANCELED);
}

int run_run(const struct arguments *arguments)
{
	struct run_request request = {
		.duration_ns = arguments_number(arguments, "duration"),
		.wait_all = arguments_flag(arguments, "wait-all"),
	};
	own(account_freep) struct account *account = NULL;
	struct reports reports = { 0 };
	struct id_list ids = { 0 };
	int status = 0, err;

	if (arguments->has_command)
		request.command = arguments->operands.data;
	err = arguments_ids(arguments, "pid", &ids);
	if (!err && !request.command && !ids.ids.len) {
		err = fail(-ERROR_USAGE, "no command to run, and no process to observe");
		hint("'kymo run -- COMMAND', or 'kymo run -p PID'");
	}
	request.pids = reports.view.pids = ids.ids.data;
	request.pid_count = reports.view.pid_count = ids.ids.len;
	reports.view.command = request.command;
	err = err ?: reports_open(&reports, arguments);
	err = err ?: run_once(&request, &account, &status);
	if (!err) {
		error_clear(); /* of ways that were tried and not taken */
		err = reports_write(&reports, account) ?: status;
	}
	reports_abort(&reports);
	vec_done(&ids.ids);
	return err;
}
