/* SPDX-License-Identifier: MIT */
/* history.h - asks a store for what was recorded: what the verbs query, export and diff share.
 *
 * The store's file is read where it may be, with or without a daemon that writes it; else the daemon is
 * asked.  The questions, their parameters and their answers are those of the REST API.
 */
#ifndef CMD_HISTORY_H
#define CMD_HISTORY_H

#include "cmd/arguments.h"
#include "serve/ask.h"
#include "serve/auth.h"
#include "serve/config.h"
#include "show/answer_rows.h"

#define HISTORY_WHICH "Which"
#define HISTORY_WHERE "From where"
#define HISTORY_PAGE  10000 /* records asked for at once */
#define HISTORY_WORDS 64    /* conditions at most */
#define HISTORY_SOURCE                                                                                                      \
	{ .name = "store",                                                                                                  \
	  .kind = OPTION_TEXT,                                                                                              \
	  .value = VALUE_FILE,                                                                                              \
	  .argument = "FILE",                                                                                               \
	  .otherwise = "that of the daemon if it may be read, else the daemon is asked",                                    \
	  .help = "read this file, whether or not a daemon writes it",                                                      \
	  .group = HISTORY_WHERE,                                                                                           \
	  .excludes = "source" },                                                                                           \
		{ .name = "connect",                                                                                        \
		  .kind = OPTION_TEXT,                                                                                      \
		  .argument = "ADDRESS",                                                                                    \
		  .help = "ask a daemon that runs: http://127.0.0.1:8080, https://host:8443, or the path of a Unix socket", \
		  .group = HISTORY_WHERE,                                                                                   \
		  .excludes = "source" },                                                                                   \
		{ .name = "ca",                                                                                             \
		  .kind = OPTION_TEXT,                                                                                      \
		  .value = VALUE_FILE,                                                                                      \
		  .argument = "FILE",                                                                                       \
		  .otherwise = "those that this host trusts",                                                               \
		  .help = "certificates of who signs those of daemons",                                                     \
		  .group = HISTORY_WHERE },                                                                                 \
		{ .name = "cert",                                                                                           \
		  .kind = OPTION_TEXT,                                                                                      \
		  .value = VALUE_FILE,                                                                                      \
		  .argument = "FILE",                                                                                       \
		  .help = "a certificate of our own, where a daemon wants one",                                             \
		  .group = HISTORY_WHERE },                                                                                 \
		{ .name = "key",                                                                                            \
		  .kind = OPTION_TEXT,                                                                                      \
		  .value = VALUE_FILE,                                                                                      \
		  .argument = "FILE",                                                                                       \
		  .help = "the key of '--cert', which nobody else may read",                                                \
		  .group = HISTORY_WHERE },                                                                                 \
	{                                                                                                                   \
		.name = "token-file", .kind = OPTION_TEXT, .value = VALUE_FILE,                                             \
		.argument = "FILE", .otherwise = "the token in KYMO_TOKEN, if there is one",                                \
		.help = "the first line is a token that the daemon knows; nobody else may read it",                         \
		.group = HISTORY_WHERE                                                                                      \
	}
#define HISTORY_SPAN                                                                             \
	{ .name = "start",                                                                       \
	  .kind = OPTION_TEXT,                                                                   \
	  .argument = "TIME",                                                                    \
	  .otherwise = "an hour ago for profiles, else the first there is",                      \
	  .help = "from when on: -15m, 2025-10-28T13:47:15Z, or seconds since 1970",             \
	  .group = HISTORY_WHICH },                                                              \
	{                                                                                        \
		.name = "end", .kind = OPTION_TEXT, .argument = "TIME", .otherwise = "now",      \
		.help = "until when, likewise; that instant is left out", .group = HISTORY_WHICH \
	}
#define HISTORY_WHOSE                                                                         \
	{ .name = "pid",                                                                      \
	  .letter = 'p',                                                                      \
	  .kind = OPTION_TEXT,                                                                \
	  .argument = "PID[,PID...]",                                                         \
	  .help = "of this process; of profiles several",                                     \
	  .group = HISTORY_WHICH },                                                           \
		{ .name = "comm",                                                             \
		  .kind = OPTION_TEXT,                                                        \
		  .argument = "NAME",                                                         \
		  .help = "of threads of this name",                                          \
		  .group = HISTORY_WHICH },                                                   \
	{                                                                                     \
		.name = "container", .kind = OPTION_TEXT, .argument = "ID",                   \
		.help = "profiles of this container: the first 12 digits of its id, or more", \
		.group = HISTORY_WHICH                                                        \
	}

/* @format_otherwise: what a profile is written as without --format; @json_help: help of --json */
#define HISTORY_OUTPUT(format_otherwise, json_help)                                               \
	{ .name = "format",                                                                       \
	  .letter = 'f',                                                                          \
	  .kind = OPTION_CHOICE,                                                                  \
	  .choices = history_formats,                                                             \
	  .argument = "FORMAT",                                                                   \
	  .otherwise = (format_otherwise),                                                        \
	  .help = "how a profile is written",                                                     \
	  .group = "Output",                                                                      \
	  .excludes = "format" },                                                                 \
		{ .name = "json", .help = (json_help), .excludes = "format", .group = "Output" }, \
		{ .name = "csv",                                                                  \
		  .help = "rows as comma-separated values, with one header",                      \
		  .excludes = "format",                                                           \
		  .group = "Output" },                                                            \
		{ .name = "output",                                                               \
		  .letter = 'o',                                                                  \
		  .kind = OPTION_TEXT,                                                            \
		  .value = VALUE_FILE,                                                            \
		  .argument = "FILE",                                                             \
		  .otherwise = "standard output",                                                 \
		  .help = "where to write; an old file is replaced at the end",                   \
		  .group = "Output" },                                                            \
	{                                                                                         \
		.name = "quiet", .letter = 'q', .help = "no summary on standard error",           \
		.group = "Output"                                                                 \
	}

extern const struct choice history_formats[]; /* of profiles */

struct history {
	struct config config;
	char address[CONFIG_TEXT + 32];
	struct client_options options;
	struct auth *auth; /* of --token-file */
	struct ask *ask;
};

/** history_open - whom to ask, by the options.  Return: 0; -errno with fail() said.  Call history_close() in any case */
nodiscard int history_open(struct history *history, const struct arguments *arguments);
void history_close(struct history *history);

/** history_set_span, _whose - the options of HISTORY_SPAN, HISTORY_WHOSE as parameters.  Return: 0; -errno with fail() said */
nodiscard int history_set_span(const struct arguments *arguments, struct request *request);
nodiscard int history_set_whose(const struct arguments *arguments, struct request *request);

/** history_set_words - NAME=VALUE, NAME!=VALUE; the first @skip operands are none.  Return: likewise */
nodiscard int history_set_words(const struct arguments *arguments, size_t skip,
				struct request *request);

/** history_path - "/api/v1/...", of what a user calls it; @request gets a type where that says more */
nodiscard int history_path(const char *what, struct request **ret_request);

struct history_rows {
	struct answer_rows *rows;
	uint64_t limit; /* rows at most; 0: all */
	uint64_t lost;
	bool has_more;
};

/** history_read_rows - page by page.  Return: 0; -errno with fail() said */
nodiscard int history_read_rows(struct history *history, struct request *request,
				struct history_rows *rows);

#endif
