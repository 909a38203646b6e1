/* SPDX-License-Identifier: MIT */
/* events.c - events of one kind, as fast as they come.
 *
 *     events signals|faults|switches COUNT
 *
 * signals: that are ignored, to itself; faults: of pages that are there at once; switches: of two threads
 * that yield to each other on one processor.  Prints events a second.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

#define PAGES 4096
#define PAGE  4096

static void send(long count)
{
	pid_t pid = getpid();

	for (long i = 0; i < count; i++)
		kill(pid, SIGWINCH);
}

static void fault(long count)
{
	for (long i = 0; i < count; i += PAGES) {
		char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (pages == MAP_FAILED)
			exit(1);
		madvise(pages, PAGES * PAGE, MADV_NOHUGEPAGE);
		for (long j = 0; j < PAGES; j++)
			pages[j * PAGE] = 1;
		munmap(pages, PAGES * PAGE);
	}
}

static void *yield(void *count)
{
	for (long i = 0; i < *(long *)count; i++)
		sched_yield();
	return NULL;
}

static void change(long count)
{
	long half = count / 2;
	pthread_t other;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	if (pthread_create(&other, NULL, yield, &half))
		exit(1);
	yield(&half);
	pthread_join(other, NULL);
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 0;
	uint64_t began = clock_mono_ns();

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "signals") == 0)
		send(count);
	else if (strcmp(argv[1], "faults") == 0)
		fault(count);
	else
		change(count);
	printf("%.0f\n", (double)count * 1e9 / (double)(clock_mono_ns() - began));
	return 0;
}
