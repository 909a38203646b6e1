/* SPDX-License-Identifier: MIT */
/* Processes that end at once.  usage: short COUNT
 *
 * One after the other; number i ends with i % 251.  Prints its own PID.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 0;

	for (long i = 0; i < count; i++) {
		pid_t pid = vfork();
		int status;

		if (pid == 0)
			_exit((int)(i % 251));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != i % 251)
			return 1;
	}
	printf("%d\n", getpid());
	return 0;
}
