/* SPDX-License-Identifier: MIT */
/* ping-pong.c - two processes that hand one byte to and fro through pipes.
 *
 *     ping-pong ROUNDS [BATCHES]
 *
 * Prints for each batch of ROUNDS the nanoseconds of CPU time per context switch, of both processes.  Run
 * it on one processor (taskset), so that each byte is a switch; CPU time hardly depends on what else runs
 * there, and of many short batches some are disturbed by nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double cpu_ns(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void pass_on(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1)
		if (write(to, &byte, 1) != 1)
			break;
	_exit(0);
}

static int play(long rounds, int to, int from)
{
	char byte = 0;

	for (long i = 0; i < rounds; i++)
		if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 50000, batches = argc > 2 ? atol(argv[2]) : 1;
	int there[2], back[2];
	clockid_t partner;
	pid_t child;
	double cpu;

	if (pipe(there) || pipe(back))
		return 1;
	child = fork();
	if (child == 0) {
		close(there[1]);
		close(back[0]);
		pass_on(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	if (child < 0 || clock_getcpuclockid(child, &partner) || play(100, there[1], back[0]))
		return 1;
	for (long i = 0; i < batches; i++) {
		cpu = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) + cpu_ns(partner);
		if (play(rounds, there[1], back[0]))
			return 1;
		cpu = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) + cpu_ns(partner) - cpu;
		printf("%.1f\n", cpu / 2 / (double)rounds);
	}
	close(there[1]);
	wait(NULL);
	return 0;
}
