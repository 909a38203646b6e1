/* SPDX-License-Identifier: MIT */
/* later.c - works in a new thread and in a new child, once it is told to by a line on its stdin.
 *
 *     later CPU_SECONDS
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((noipa, noinline))

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t spend(double seconds)
{
	uint64_t sum = 1;
	double end = cpu_seconds() + seconds;

	while (cpu_seconds() < end)
		for (int i = 0; i < 20000; i++)
			sum = sum * 6364136223846793005u + 1442695040888963407u;
	return sum;
}

API uint64_t in_thread(double seconds)
{
	return spend(seconds) + 1;
}

API uint64_t in_child(double seconds)
{
	return spend(seconds) + 2;
}

static void *run(void *seconds)
{
	return (void *)in_thread(*(double *)seconds);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	pthread_t thread;
	pid_t child;

	printf("%d\n", getpid());
	fflush(stdout);
	if (getchar() == EOF)
		return 1;
	pthread_create(&thread, NULL, run, &seconds);
	child = fork();
	if (child == 0)
		_exit(in_child(seconds) == 0);
	pthread_join(thread, NULL);
	waitpid(child, NULL, 0);
	return 0;
}
