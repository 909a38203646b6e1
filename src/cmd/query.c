/* SPDX-License-Identifier: MIT */
#include "cmd/query.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cmd/follow.h"
#include "cmd/format.h"
#include "session/signals.h"
#include "store/reader.h"

#define QUERY_LIMIT 100

static bool is_profile(const struct request *request)
{
	return strcmp(request->path, "/api/v1/profiles") == 0;
}

/* Of a profile: the format by its name, the file's, or the manner. */
static int set_format(const struct arguments *arguments, const struct query_manner *manner,
		      struct request *request)
{
	const char *path = arguments_text(arguments, "output");
	const char *name = arguments_text(arguments, "format");
	const struct sink *sink = format_find(name ?: manner->profile_format);
	int err;

	if (arguments_flag(arguments, "json"))
		return request_set(request, "format", "json");
	if (arguments_flag(arguments, "csv")) {
		err = fail(-ERROR_USAGE, "a profile has no rows: '--csv' is of records");
		hint("'kymo query functions --csv' lists functions");
		return err;
	}
	if (!name && path)
		sink = format_for_file(path, sink);
	err = format_check(sink, path);
	return err ?: request_set(request, "format", sink->name);
}

static enum answer_format rows_format(const struct arguments *arguments,
				      const struct query_manner *manner)
{
	return arguments_flag(arguments, "json")  ? ANSWER_JSON
	       : arguments_flag(arguments, "csv") ? ANSWER_CSV
						  : manner->format;
}

/* What a reader of rows must know. */
static void put_closing(const struct history_rows *rows)
{
	fprintf(stderr, "kymo: %zu rows%s\n", rows->rows->count,
		rows->has_more ? "; there are more, and '--limit 0' shows all" : "");
	if (rows->lost == STORE_LOST_UNKNOWN)
		fputs("kymo: lost: nobody knows how many; in this span of time a kymo ended without "
		      "closing its store\n",
		      stderr);
	else if (rows->lost)
		fprintf(stderr, "kymo: lost: %lu records in this span of time\n",
			(unsigned long)rows->lost);
}

static int put_rows(const struct arguments *arguments, const struct query_manner *manner,
		    struct history *history, struct request *request, FILE *out)
{
	struct answer_rows rows = { .out = out, .format = rows_format(arguments, manner) };
	struct history_rows reading = {
		.rows = &rows,
		.limit = arguments_has(arguments, "limit") ? arguments_number(arguments, "limit")
							   : manner->limit,
	};
	int err = 0;

	if (arguments_has(arguments, "format")) {
		err = fail(-ERROR_USAGE, "'--format' is of profiles; rows are a table, '--json' "
					 "or '--csv'");
		return err;
	}
	if (request_is_paged(request) && manner->order && !request_parameter(request, "order"))
		err = request_set(request, "order", manner->order);
	err = err ?: history_read_rows(history, request, &reading);
	err = answer_rows_end(&rows) ?: err;
	if (!err && !arguments_flag(arguments, "quiet"))
		put_closing(&reading);
	return err;
}

/* A stream that is being followed, until a signal asks to end it. */
struct following {
	struct follow follow;
	struct client_stream stream;
	struct signals signals;
};

static int take_stream(void *context, const char *text, size_t len)
{
	struct following *following = context;
	int err = 0;

	/* From here on there is something that a signal should leave whole. */
	if (following->stream.stop < 0) {
		err = signals_take(&following->signals);
		following->stream.stop = following->signals.fd;
	}
	return err ?: follow_take(&following->follow, text, len);
}

static void following_done(struct following *following)
{
	struct launch none = { 0 };

	follow_done(&following->follow);
	if (following->stream.stop < 0)
		return;
	signals_read(&following->signals, &none);
	signals_give_back(&following->signals);
}

/* An answer that is no list of rows goes out as it is; one that does not end, as it comes. */
static int put_whole(const struct arguments *arguments, struct history *history,
		     struct request *request, FILE *out)
{
	own(response_freep) struct response *response = calloc(1, sizeof(*response));
	struct following following = {
		.follow = { .out = out, .data_only = arguments_flag(arguments, "json") },
		.stream = { .put = take_stream, .context = &following, .stop = -1 },
	};
	int err;

	if (arguments_has(arguments, "limit"))
		following.follow.limit = arguments_number(arguments, "limit");
	err = response ? ask_follow(history->ask, request, &following.stream, response) : -ENOMEM;
	if (!err && response->len)
		fwrite(response->body, 1, response->len, out);
	following_done(&following);
	return err;
}

static int put(const struct arguments *arguments, const struct query_manner *manner,
	       struct history *history, struct request *request)
{
	bool has_rows = request_has_rows(request);
	struct file_output output;
	int err = history_set_span(arguments, request);

	err = err ?: history_set_whose(arguments, request);
	err = err ?: history_set_words(arguments, 1, request);
	if (!err && is_profile(request))
		err = set_format(arguments, manner, request);
	err = err ?: file_output_open_private(&output, arguments_text(arguments, "output"));
	if (err)
		return err;
	err = has_rows ? put_rows(arguments, manner, history, request, output.out)
		       : put_whole(arguments, history, request, output.out);
	if (err) {
		file_output_abort(&output);
		return err;
	}
	return file_output_commit(&output);
}

int query_put(const struct arguments *arguments, const struct query_manner *manner)
{
	struct history history = { .ask = NULL };
	own(request_freep) struct request *request = NULL;
	int err;

	if (!arguments->operands.len) {
		err = fail(-ERROR_USAGE, "what is asked for?");
		hint("'kymo %s processes', 'kymo %s tcp', 'kymo %s profiles'",
		     arguments->verb->name, arguments->verb->name, arguments->verb->name);
		return err;
	}
	err = history_path(arguments->operands.data[0], &request);
	err = err ?: history_open(&history, arguments);
	err = err ?: put(arguments, manner, &history, request);
	history_close(&history);
	return err;
}

int query_run(const struct arguments *arguments)
{
	return query_put(arguments, &(struct query_manner){
					    .profile_format = "tree",
					    .limit = QUERY_LIMIT,
					    .format = ANSWER_TABLE,
				    });
}
