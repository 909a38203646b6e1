/* SPDX-License-Identifier: MIT */
/* stacks.c - runs and sleeps in functions of known names, in a child's child: stacks MILLISECONDS */
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Of its own CPU time, so that a busy machine takes none of it away. */
__attribute__((noinline)) static void burn_for(double seconds)
{
	while ((double)clock() / CLOCKS_PER_SEC < seconds)
		__asm__ volatile("");
}

__attribute__((noinline)) static void nap_for(double seconds)
{
	double until = now() + seconds;

	while (now() < until)
		usleep((useconds_t)((until - now()) * 1e6) + 1);
}

__attribute__((noinline)) static void grandchild_works(double seconds)
{
	burn_for(seconds);
	nap_for(seconds);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) / 1000 : 0.3;

	if (fork() == 0) {
		if (fork() == 0) {
			grandchild_works(seconds);
			_exit(0);
		}
		wait(NULL);
		_exit(0);
	}
	wait(NULL);
	return 0;
}
