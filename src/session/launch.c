/* SPDX-License-Identifier: MIT */
#include "session/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/trace/counters.h"

/* Runs in the child; never returns. */
static void child_main(int released, int verdict, char *const *command, const sigset_t *mask)
{
	char byte;
	int err;

	/* Ends without a word when the parent is gone before it released us. */
	if (read(released, &byte, 1) != 1)
		_exit(LAUNCH_NOT_EXECUTABLE);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	err = errno;
	if (write(verdict, &err, sizeof(err)) != sizeof(err))
		_exit(LAUNCH_NOT_EXECUTABLE);
	_exit(err == ENOENT ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE);
}

int launch_prepare(struct launch *launch, char *const *command, const sigset_t *mask)
{
	int release[2], verdict[2];
	pid_t pid;

	*launch = (struct launch){ .release = -1, .verdict = -1 };
	/* A socket, because writing to it raises no SIGPIPE when the child has been killed. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, release) < 0)
		return fail(-errno, "cannot start '%s': %m", command[0]);
	if (pipe2(verdict, O_CLOEXEC) < 0) {
		int err = fail(-errno, "cannot start '%s': %m", command[0]);

		close(release[0]);
		close(release[1]);
		return err;
	}
	pid = fork();
	if (pid == 0) {
		close(release[1]);
		close(verdict[0]);
		child_main(release[0], verdict[1], command, mask);
	}
	close(release[0]);
	close(verdict[1]);
	launch->release = release[1];
	launch->verdict = verdict[0];
	if (pid < 0) {
		int err = fail(-errno, "cannot start '%s': %m", command[0]);

		launch_done(launch);
		return err;
	}
	launch->pid = pid;
	return 0;
}

static void hint_command(const char *name, int err)
{
	if (err == ENOENT && !strchr(name, '/'))
		hint("install it, or give its path: no folder in PATH holds it");
	else if (err == ENOENT && access(name, F_OK) == 0)
		hint("'head -n 1 %s' shows the interpreter, which is missing", name);
	else if (err == ENOENT)
		hint("'ls %s' shows whether the path is right", name);
	else if (err == EACCES)
		hint("'chmod +x %s' if it is a program", name);
}

int launch_release(struct launch *launch, const char *name)
{
	ssize_t got;
	int err = 0;

	if (send(launch->release, "", 1, MSG_NOSIGNAL) != 1)
		return fail(LAUNCH_NOT_EXECUTABLE, "cannot start '%s': it was killed before", name);
	close(launch->release);
	launch->release = -1;
	do
		got = read(launch->verdict, &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	if (got != sizeof(err)) /* closed by a successful execution */
		return 0;
	waitpid(launch->pid, &launch->status, 0);
	launch->has_ended = true;
	fail(-err, "cannot run '%s': %m", name);
	hint_command(name, err);
	return err == ENOENT ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE;
}

/* What is left of it in /proc, as long as nobody has waited for it. */
static void keep_counters(struct launch *launch)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid != launch->pid)
		return;
	launch->ended_mono_ns = clock_mono_ns();
	counters_read(launch->pid, &launch->counters);
}

bool launch_reap(struct launch *launch)
{
	if (launch->keeps_counters && !launch->has_ended)
		keep_counters(launch);
	if (launch->pid && !launch->has_ended && !launch->is_traced)
		launch->has_ended = waitpid(launch->pid, &launch->status, WNOHANG) == launch->pid;
	return launch->has_ended;
}

int launch_exit_status(const struct launch *launch)
{
	if (WIFSIGNALED(launch->status))
		return 128 + WTERMSIG(launch->status);
	return WEXITSTATUS(launch->status);
}

void launch_done(struct launch *launch)
{
	if (launch->release >= 0)
		close(launch->release); /* the child's read ends: it exits */
	if (launch->verdict >= 0)
		close(launch->verdict);
	if (launch->pid && launch->release >= 0 && !launch->has_ended)
		waitpid(launch->pid, &launch->status, 0);
	*launch = (struct launch){ .release = -1, .verdict = -1 };
}
