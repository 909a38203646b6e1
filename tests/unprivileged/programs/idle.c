/* SPDX-License-Identifier: MIT */
/* idle.c - a process of many threads that all wait.
 *
 *     idle THREADS
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_for_ever(void *nothing)
{
	(void)nothing;
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	for (int i = 1; i < (argc > 1 ? atoi(argv[1]) : 1); i++)
		if (pthread_create(&thread, NULL, wait_for_ever, NULL))
			return 1;
	printf("%d\n", getpid());
	fflush(stdout);
	wait_for_ever(NULL);
}
