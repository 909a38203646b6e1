/* SPDX-License-Identifier: MIT */
/* threads.c - two threads, "long" and "short", that spend known CPU times.
 *
 *     threads LONG_SECONDS SHORT_SECONDS
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct thread {
	const char *name;
	double seconds, spent;
	uint64_t sum;
};

static void *run(void *argument)
{
	struct thread *thread = argument;

	pthread_setname_np(pthread_self(), thread->name);
	while ((thread->spent = cpu_seconds(CLOCK_THREAD_CPUTIME_ID)) < thread->seconds)
		for (int i = 0; i < 10000; i++)
			thread->sum = thread->sum * 6364136223846793005u + 1;
	return NULL;
}

int main(int argc, char **argv)
{
	struct thread threads[2] = { { .name = "long" }, { .name = "short" } };
	pthread_t ids[2];

	for (int i = 0; i < 2 && i + 1 < argc; i++) {
		threads[i].seconds = atof(argv[i + 1]);
		pthread_create(&ids[i], NULL, run, &threads[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(ids[i], NULL);
	printf("{\"long\":%f,\"short\":%f,\"cpu_seconds\":%f,\"sum\":%lu}\n", threads[0].spent,
	       threads[1].spent, cpu_seconds(CLOCK_PROCESS_CPUTIME_ID),
	       threads[0].sum + threads[1].sum);
	return 0;
}
