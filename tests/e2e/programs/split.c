/* SPDX-License-Identifier: MIT */
/* split.c - CPU time of which 70, 20 and 10 % lie under three functions that call the same work.
 *
 *     split CPU_SECONDS [THREADS]
 *
 * Which of the three comes next is drawn by lot, a unit of work takes some 20 us: no sampling clock
 * can run in step with it.  Prints what was really drawn, the CPU time spent, in all and on that, and
 * how often another process took a CPU away.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define API __attribute__((noipa, noinline))

struct counts {
	uint64_t seventy, twenty, ten, sum;
	double cpu_seconds, inside_seconds;
};

API uint64_t work(uint64_t seed)
{
	__asm__ volatile("" : : "r"(__builtin_frame_address(0))); /* a leaf has no frame else */
	for (int i = 0; i < 16000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

/* What follows the call keeps it from becoming a jump. */
API uint64_t seventy(uint64_t seed)
{
	return work(seed) + 70;
}

API uint64_t twenty(uint64_t seed)
{
	return work(seed) + 20;
}

API uint64_t ten(uint64_t seed)
{
	return work(seed) + 10;
}

static double cpu_seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *run(void *argument)
{
	struct counts *counts = argument;
	uint64_t lot = 1 + (uintptr_t)argument;
	double began = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);

	for (unsigned i = 0; i % 64 || cpu_seconds(CLOCK_THREAD_CPUTIME_ID) < counts->cpu_seconds;
	     i++) {
		uint64_t drawn;

		lot = lot * 6364136223846793005u + 1442695040888963407u;
		drawn = (lot >> 33) % 10;
		if (drawn < 7)
			counts->seventy++, counts->sum += seventy(lot);
		else if (drawn < 9)
			counts->twenty++, counts->sum += twenty(lot);
		else
			counts->ten++, counts->sum += ten(lot);
	}
	counts->inside_seconds = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - began;
	return NULL;
}

int main(int argc, char **argv)
{
	static struct counts counts[64], total;
	int threads = argc > 2 ? atoi(argv[2]) : 1;
	pthread_t others[64];
	struct rusage usage;

	for (int i = 0; i < threads; i++)
		counts[i].cpu_seconds = atof(argv[1]);
	for (int i = 1; i < threads; i++)
		pthread_create(&others[i], NULL, run, &counts[i]);
	run(&counts[0]);
	for (int i = 0; i < threads; i++) {
		if (i)
			pthread_join(others[i], NULL);
		total.seventy += counts[i].seventy;
		total.twenty += counts[i].twenty;
		total.ten += counts[i].ten;
		total.sum += counts[i].sum;
		total.inside_seconds += counts[i].inside_seconds;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"seventy\":%lu,\"twenty\":%lu,\"ten\":%lu,\"inside_seconds\":%f,"
	       "\"cpu_seconds\":%f,\"switches\":%ld,\"sum\":%lu}\n",
	       total.seventy, total.twenty, total.ten, total.inside_seconds,
	       cpu_seconds(CLOCK_PROCESS_CPUTIME_ID), usage.ru_nivcsw, total.sum);
	return 0;
}
