/* SPDX-License-Identifier: MIT */
/* processes.c - so many processes, one after the other: processes COUNT */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 0;

	while (count-- > 0) {
		pid_t child = vfork();

		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) < 0)
			return 1;
	}
	return 0;
}
