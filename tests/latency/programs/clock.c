// SPDX-License-Identifier: MIT
// clock.c - a function that sleeps up to 3 ms: `clock CALLS`, from THREADS threads, after a line on standard
// input.  Prints the nanoseconds of its calls from the shortest on, as its own clock tells them inside of the
// function, and in a second line around it.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS   4
#define CALLS_MAX 10000

static unsigned long inside[THREADS * CALLS_MAX], around[THREADS * CALLS_MAX];
static long calls;

static unsigned long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec;
}

__attribute__((noinline)) void timed_work(long n)
{
	unsigned long began = now_ns();

	nanosleep(&(struct timespec){ .tv_nsec = n * 7919 % 3000 * 1000 }, NULL);
	inside[n] = now_ns() - began;
}

static void *work(void *first)
{
	for (long n = (long)first; n < (long)first + calls; n++) {
		unsigned long began = now_ns();

		timed_work(n);
		around[n] = now_ns() - began;
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const unsigned long *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static void tell(unsigned long *times)
{
	qsort(times, (size_t)(THREADS * calls), sizeof(*times), compare);
	for (long n = 0; n < THREADS * calls; n++)
		printf("%lu ", times[n]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	char line[16];

	calls = argc > 1 ? atol(argv[1]) : 0;
	if (calls < 1 || calls > CALLS_MAX || !fgets(line, sizeof(line), stdin))
		return 2;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(i * calls));
	for (long i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	tell(inside);
	tell(around);
}
