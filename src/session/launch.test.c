/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/test.h"
#include "session/launch.h"

static sigset_t mask;

static int wait_status(struct launch *launch)
{
	while (!launch_reap(launch))
		poll(NULL, 0, 1);
	return launch_exit_status(launch);
}

static int run(char *const *command)
{
	struct launch launch;
	int status = launch_prepare(&launch, command, &mask);

	assert_int_equal(status, 0);
	status = launch_release(&launch, command[0]);
	if (!status)
		status = wait_status(&launch);
	launch_done(&launch);
	return status;
}

static void passes_the_exit_status_on(void **state)
{
	char *seven[] = { "sh", "-c", "exit 7", NULL },
	     *killed[] = { "sh", "-c", "kill -9 $$", NULL };

	(void)state;
	assert_int_equal(run(seven), 7);
	assert_int_equal(run(killed), 128 + 9);
}

static void says_why_a_command_cannot_run(void **state)
{
	char *missing[] = { "/no/such/program", NULL }, *text[] = { "/etc/passwd", NULL };

	(void)state;
	assert_int_equal(run(missing), LAUNCH_NOT_FOUND);
	assert_non_null(strstr(error_text(), "/no/such/program"));
	assert_int_equal(run(text), LAUNCH_NOT_EXECUTABLE);
	assert_non_null(strstr(error_text(), "Permission denied"));
}

/* Nothing of the command happens before its release, and nothing at all if that never comes. */
static void waits_for_its_release(void **state)
{
	char path[] = "/tmp/kymo-launch-XXXXXX", touch[64];
	char *command[] = { "sh", "-c", touch, NULL };
	struct launch launch;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(touch, sizeof(touch), "touch %s/ran", path);
	assert_int_equal(launch_prepare(&launch, command, &mask), 0);
	pid = launch.pid;
	assert_int_equal(kill(pid, 0), 0);
	launch_done(&launch);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(rmdir(path), 0); /* empty: the command did not run */
}

static void survives_a_child_that_was_killed_before(void **state)
{
	char *command[] = { "true", NULL };
	struct launch launch;
	siginfo_t info;

	(void)state;
	assert_int_equal(launch_prepare(&launch, command, &mask), 0);
	kill(launch.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)launch.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(launch_release(&launch, "true"), LAUNCH_NOT_EXECUTABLE);
	launch_done(&launch);
}

/* What the program finds blocked is what we were started with, not what we block. */
static void gives_the_signal_mask_back(void **state)
{
	char *command[] = { "sh", "-c", "kill -USR1 $$; exit 3", NULL };
	sigset_t blocked, old;
	int status;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	status = run(command);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(status, 128 + SIGUSR1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_the_exit_status_on),
		cmocka_unit_test(says_why_a_command_cannot_run),
		cmocka_unit_test(waits_for_its_release),
		cmocka_unit_test(survives_a_child_that_was_killed_before),
		cmocka_unit_test(gives_the_signal_mask_back),
	};

	sigprocmask(SIG_SETMASK, NULL, &mask);
	return test_run(tests);
}
