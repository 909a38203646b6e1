/* SPDX-License-Identifier: MIT */
/* launch.h - a command that waits until everything is ready to observe it.
 *
 * The child is made first, so that its number can be entered as a target, and executes its program
 * only when it is released.  It keeps our standard input, output, error and terminal, and gets
 * back the signal mask and actions that we were started with.
 */
#ifndef SESSION_LAUNCH_H
#define SESSION_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/own.h"
#include "probe/balance.wire.h"

struct launch {
	pid_t pid;   /* 0: nothing launched */
	int release; /* write end: one byte releases the child */
	int verdict; /* read end: an errno when the program could not be executed, else nothing */
	bool has_ended;
	bool is_traced;      /* whoever traces it hears of its end */
	bool keeps_counters; /* the next two are filled before it is forgotten */
	uint64_t ended_mono_ns;
	struct balance_times counters; /* of its first thread */
	int status;                    /* as waitpid() gave it */
};

/* Exit statuses that shells and env(1) use for a command that could not be run. */
enum {
	LAUNCH_NOT_EXECUTABLE = 126,
	LAUNCH_NOT_FOUND = 127
};

/**
 * launch_prepare - make the child, which then waits
 * @command: program and arguments, closed by NULL; found through PATH
 * @mask: signal mask for the program
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int launch_prepare(struct launch *launch, char *const *command, const sigset_t *mask);

/**
 * launch_release - let the child execute its program
 * @name: of the command, for messages
 *
 * Return: 0; LAUNCH_NOT_FOUND or LAUNCH_NOT_EXECUTABLE with fail() said, the child is gone then.
 */
nodiscard int launch_release(struct launch *launch, const char *name);

/** launch_reap - whether the child has ended; does not wait */
bool launch_reap(struct launch *launch);

/** launch_exit_status - of an ended child as a shell tells it: 128 + n for signal n */
int launch_exit_status(const struct launch *launch);

/** launch_done - a child that was never released is killed; one that runs is left alone */
void launch_done(struct launch *launch);

#endif
