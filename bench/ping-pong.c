/* SPDX-License-Identifier: MIT */
/* ping-pong.c - two processes that hand one byte to and fro through pipes.
 *
 *     ping-pong ROUNDS
 *
 * Prints nanoseconds of CPU time and of wall time per context switch.  Run it on one processor
 * (taskset), so that each byte is a switch; CPU time hardly depends on what else runs there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double wall_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static double cpu_ns(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}

static void pass_on(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1)
		if (write(to, &byte, 1) != 1)
			break;
	_exit(0);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 50000;
	int there[2], back[2];
	double wall, cpu;
	char byte = 0;

	if (pipe(there) || pipe(back))
		return 1;
	if (fork() == 0) {
		close(there[1]);
		close(back[0]);
		pass_on(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	wall = wall_ns();
	for (long i = 0; i < rounds; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			return 1;
	wall = wall_ns() - wall;
	close(there[1]);
	wait(NULL);
	cpu = cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN);
	printf("%.1f %.1f\n", cpu / 2 / (double)rounds, wall / 2 / (double)rounds);
	return 0;
}
