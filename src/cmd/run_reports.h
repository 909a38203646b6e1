/* SPDX-License-Identifier: MIT */
/* run_reports.h - what `kymo run` writes, and where: for a person, as JSON, a flame graph, a page.
 *
 * Files are opened before the command runs, so that one that cannot be written is said before.  What then
 * finds no room is not lost: the report for a person goes to standard error.
 */
#ifndef CMD_RUN_REPORTS_H
#define CMD_RUN_REPORTS_H

#include "base/file.h"
#include "cmd/arguments.h"
#include "session/run.h"
#include "session/watch.h"
#include "show/run.h"
#include "show/run_denet.h"

enum run_report {
	RUN_REPORT_JSON,
	RUN_REPORT_SVG,
	RUN_REPORT_HTML,
	RUN_REPORT_DENET, /* instead of the one for a person */
	RUN_REPORT_TEXT,  /* last: a person may stop reading, files are complete by then */
	RUN_REPORT_COUNT
};

struct run_output {
	struct file_output file;
	FILE *out; /* NULL: not wanted */
};

#define RUN_COLLECTORS 63 /* of events, at most */

struct run_reports {
	struct run_output outputs[RUN_REPORT_COUNT];
	struct run_output events;
	struct watch_request watch; /* that writes them */
	const struct collector *collectors[RUN_COLLECTORS + 1];
	struct run_denet denet;
	struct run_view view;
	char title[256]; /* what was run, for headings */
};

/** run_reports_are_denet - whether the report is one in denet's format */
bool run_reports_are_denet(const struct arguments *arguments);

/** run_reports_stacks - whether something that is asked for shows stacks */
enum run_stacks run_reports_stacks(const struct arguments *arguments);

/** run_reports_open - after `view.command` is set.  Return: 0; -errno with fail() said.  Call run_reports_done() in any case. */
nodiscard int run_reports_open(struct run_reports *reports, const struct arguments *arguments);

/** run_reports_events - what the session shall write into the report of events; NULL: nothing */
const struct watch_request *run_reports_events(struct run_reports *reports);

/** run_reports_write - once.  Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int run_reports_write(struct run_reports *reports, const struct run_result *result);
void run_reports_done(struct run_reports *reports);

#endif
