/* SPDX-License-Identifier: MIT */
#include "cmd/diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cmd/history.h"
#include "cmd/series.h"
#include "serve/question.h"
#include "show/answer_diff.h"
#include "show/run_series.h"

#define DIFF_FUNCTIONS 30

static int set_instant(struct request *request, const char *name, const char *text, uint64_t now)
{
	char digits[24];
	uint64_t at;
	int err = question_time(text, now, &at);

	snprintf(digits, sizeof(digits), "%lu", (unsigned long)at);
	return err ?: request_set(request, name, digits);
}

/* "-2h..-1h" as two parameters, which tell of no "now" any more: all of them mean the same one. */
static int set_span(struct request *request, const char *text, const char *start, const char *end,
		    uint64_t now)
{
	const char *dots = strstr(text, "..");
	own(freep) char *from = dots ? strndup(text, (size_t)(dots - text)) : NULL;
	int err;

	if (!from || !*from) {
		err = fail(-ERROR_USAGE, "'%s' is no span of time", text);
		hint("write FROM..TO: -2h..-1h, or 2025-10-28T13:00:00Z..now");
		return err;
	}
	err = set_instant(request, start, from, now);
	return err ?: set_instant(request, end, dots[2] ? dots + 2 : "now", now);
}

static int set_spans(const struct arguments *arguments, struct request *request)
{
	const char *before = arguments_text(arguments, "before");
	const char *after = arguments_text(arguments, "after");
	uint64_t now = clock_unix_ns();
	int err = 0;

	if (!before || !after || arguments->operands.len) {
		err = fail(-ERROR_USAGE, "two spans of time are compared, or two files");
		hint("'kymo diff --before=-2h..-1h --after=-1h..now'");
		return err;
	}
	err = set_span(request, after, "start", "end", now);
	err = err ?: set_span(request, before, "base_start", "base_end", now);
	/* Functions are added up here, so no place of theirs may be left out or told by threads. */
	err = err ?: request_set(request, "group", "none");
	err = err ?: request_set(request, "min_share", "0");
	if (!err && arguments_has(arguments, "kind"))
		err = request_set(request, "kind", arguments_text(arguments, "kind"));
	return err ?: history_set_whose(arguments, request);
}

static int put_spans(const struct arguments *arguments, struct history *history,
		     struct request *request)
{
	own(response_freep) struct response *response = calloc(1, sizeof(*response));
	int err = response ? ask_get(history->ask, request, response) : -ENOMEM;

	if (err)
		return err;
	if (arguments_flag(arguments, "json")) {
		fwrite(response->body, 1, response->len, stdout);
		return 0;
	}
	err = answer_diff_put(stdout, response->body, response->len, DIFF_FUNCTIONS);
	return err == -EBADMSG ? fail(err, "what was answered is no comparison") : err;
}

static int diff_spans(const struct arguments *arguments)
{
	own(request_freep) struct request *request = request_new("/api/v1/profiles/diff");
	struct history history = { .ask = NULL };
	int err = request ? set_spans(arguments, request) : -ENOMEM;

	err = err ?: history_open(&history, arguments);
	err = err ?: put_spans(arguments, &history, request);
	history_close(&history);
	return err;
}

static int diff_files(const struct arguments *arguments)
{
	struct metric_series series[2] = { 0 };
	struct series_host hosts[2] = { 0 };
	struct metric_differences differences = { 0 };
	int err = 0;

	if (arguments->operands.len != 2) {
		err = fail(-ERROR_USAGE, "two files are compared");
		hint("'kymo run -r 10 --json=before.json -- COMMAND' writes one");
	}
	for (int i = 0; !err && i < 2; i++)
		err = series_load(arguments->operands.data[i], &series[i], &hosts[i]);
	err = err ?: series_compare(&series[0], &series[1], &differences);
	if (!err) {
		printf("%zu runs before, %zu after\n", series[0].runs, series[1].runs);
		show_differences(stdout, &differences, &hosts[0], &hosts[1]);
	}
	vec_done(&differences.rows);
	series_done(&series[0]);
	series_done(&series[1]);
	return err;
}

int diff_run(const struct arguments *arguments)
{
	static const char *const of_spans[] = { "pid",   "comm",    "container", "kind",
						"store", "connect", "json",      "ca",
						"cert",  "key",     "token-file" };
	bool has_span = arguments_has(arguments, "before") || arguments_has(arguments, "after");

	for (size_t i = 0; !has_span && i < array_len(of_spans); i++)
		if (arguments_has(arguments, of_spans[i]))
			return fail(-ERROR_USAGE, "'--%s' belongs to '--before' and '--after'",
				    of_spans[i]);
	return has_span ? diff_spans(arguments) : diff_files(arguments);
}
