/* SPDX-License-Identifier: MIT */
/* main.c - finds the verb, runs it, says what failed, and turns the outcome into an exit status.
 *
 * Only here does an error number become a status (doc: exit_meanings[] in option.c).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd/arguments.h"
#include "cmd/help.h"
#include "collect/library.h"

#ifdef __clang__
#define COMPILER "clang"
#else
#define COMPILER "gcc"
#endif

enum {
	STATUS_FAILURE = 1,
	STATUS_USAGE = 2,
	STATUS_UNSUPPORTED = 69,   /* EX_UNAVAILABLE of sysexits.h */
	STATUS_NOT_PERMITTED = 77, /* EX_NOPERM */
	STATUS_OWN_FAILURE = 125,  /* as env(1), timeout(1) */
};

static int status_of(int err, bool has_command)
{
	if (err >= 0)
		return err;
	if (err == -ERROR_USAGE)
		return STATUS_USAGE;
	if (has_command)
		return STATUS_OWN_FAILURE;
	switch (-err) {
	case EPERM:
	case EACCES:
		return STATUS_NOT_PERMITTED;
	case ENOSYS:
	case EOPNOTSUPP:
		return STATUS_UNSUPPORTED;
	default:
		return STATUS_FAILURE;
	}
}

/* What failed may quote foreign text (a file's name, a word of the command line). */
static void put_error(int err)
{
	const char *text = error_text();

	fputs("kymo: ", stderr);
	text_put_plain(stderr, *text ? text : strerror(-err));
	if (*error_hint()) {
		fputs("\nhint: ", stderr);
		text_put_plain(stderr, error_hint());
	}
	putc('\n', stderr);
}

static void put_version(void)
{
	printf("kymo " KYMO_VERSION "\n"
	       "built by " COMPILER " " __VERSION__ " with libbpf %s, running with libbpf %s\n",
	       library_built(), library_running());
}

static int run(struct arguments *arguments, char **words)
{
	int outcome = arguments_parse(arguments, verbs, words);

	if (outcome == ARGUMENTS_VERSION) {
		put_version();
		return 0;
	}
	if (outcome == ARGUMENTS_HELP && arguments->verb)
		help_put_verb(stdout, arguments->verb, help_width(stdout));
	else if (outcome == ARGUMENTS_HELP)
		help_put_program(stdout, verbs, help_width(stdout));
	if (outcome != 0)
		return outcome < 0 ? outcome : 0;
	return arguments->verb->run(arguments);
}

/* Errors of writing that nobody has looked at. */
static int flush_output(void)
{
	bool failed = ferror(stdout);

	if (fflush(stdout) != 0)
		return fail(-errno, "cannot write standard output: %m");
	return failed ? fail(-EIO, "cannot write standard output: %m") : 0;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int err, status;

	if (argc < 2) {
		help_put_program(stderr, verbs, help_width(stderr));
		return STATUS_USAGE;
	}
	/* Whoever closes our output early wants us to end, without a word: the default. */
	signal(SIGPIPE, SIG_DFL);
	err = run(&arguments, argv + 1);
	if (err >= 0)
		err = flush_output() ?: err;
	/* A positive outcome is what a command said, without a word of ours, or why it never ran. */
	if (err < 0 || (err > 0 && *error_text()))
		put_error(err);
	status = status_of(err, arguments.has_command);
	arguments_done(&arguments);
	return status;
}
