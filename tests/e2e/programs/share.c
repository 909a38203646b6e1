/* SPDX-License-Identifier: MIT */
/* share.c - threads that spin and nap for a while, and what the kernel says of each.
 *
 *     share MILLISECONDS [SPINNERS]
 *
 * Half of SPINNERS (2) spin all the time, every second one beyond the first two naps now and then.
 * Prints for each thread how long it lived, ran and waited for a CPU, and how long after that it was
 * gone: what it may have waited besides.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

struct thread {
	pthread_t thread;
	long tid;
	int naps;
	double began, lived, ran, run_delay, after;
};

static double until;

static double now(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Seconds that the calling thread waited for a CPU so far. */
static double run_delay(void)
{
	unsigned long long ran, waited = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "r");

	if (!file || fscanf(file, "%llu %llu", &ran, &waited) != 2)
		abort();
	fclose(file);
	return (double)waited / 1e9;
}

static void *spin(void *context)
{
	struct thread *thread = context;
	struct timespec nap = { 0, 3000000 };
	volatile uint64_t sum = 0;

	thread->tid = syscall(SYS_gettid);
	while (now(CLOCK_MONOTONIC) < until) {
		for (int i = 0; i < 100000; i++)
			sum += (uint64_t)i;
		if (thread->naps)
			nanosleep(&nap, NULL);
	}
	thread->ran = now(CLOCK_THREAD_CPUTIME_ID);
	thread->lived = now(CLOCK_MONOTONIC) - thread->began;
	thread->run_delay = run_delay(); /* last: opening a file may be a reason to wait */
	return NULL;
}

/* pthread_join() returns before the kernel is done with a thread. */
static void wait_until_gone(long tid)
{
	struct timespec nap = { 0, 200000 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld", tid);
	while (access(path, F_OK) == 0)
		nanosleep(&nap, NULL);
}

int main(int argc, char **argv)
{
	static struct thread threads[THREADS_MAX];
	double begin = now(CLOCK_MONOTONIC);
	int count = argc > 2 ? atoi(argv[2]) : 2;

	until = begin + atof(argv[1]) / 1e3;
	for (int i = 0; i < count && i < THREADS_MAX; i++) {
		threads[i].naps = i >= 2 && i % 2;
		threads[i].began = now(CLOCK_MONOTONIC);
		if (pthread_create(&threads[i].thread, NULL, spin, &threads[i]))
			return 1;
	}
	for (int i = 0; i < count && i < THREADS_MAX; i++) {
		pthread_join(threads[i].thread, NULL);
		wait_until_gone(threads[i].tid);
		threads[i].after =
			now(CLOCK_MONOTONIC) - threads[i].began - threads[i].lived;
	}
	printf("{\"threads\":[");
	for (int i = 0; i < count && i < THREADS_MAX; i++)
		printf("%s{\"tid\":%ld,\"lived\":%f,\"ran\":%f,\"run_delay\":%f,\"after\":%f}",
		       i ? "," : "", threads[i].tid, threads[i].lived, threads[i].ran,
		       threads[i].run_delay, threads[i].after);
	printf("]}\n");
	return 0;
}
