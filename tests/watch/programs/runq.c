/* SPDX-License-Identifier: MIT */
/* runq.c - threads that wait for a CPU for a known time.
 *
 *     runq woken CPU MS          a thread is woken on a CPU that a real-time thread keeps for MS ms
 *     runq preempted CPU MS      a thread has to leave the CPU to a real-time thread for MS ms
 *     runq crowd CPU THREADS MS  threads that share one CPU for MS ms of time
 *
 * The first two print the thread, and when its wait began and ended; `crowd` how often its threads came
 * to run, and how long they waited by the kernel's count and by the clock.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS   1000000ull
#define THREADS_MAX 64

static unsigned long long at(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec;
}

static unsigned long long now(void)
{
	return at(CLOCK_MONOTONIC);
}

static void check(int error)
{
	if (error) {
		fprintf(stderr, "runq: %s\n", strerror(error));
		exit(1);
	}
}

static void spin(unsigned long long until)
{
	while (now() < until)
		;
}

static void be_real_time(void)
{
	struct sched_param param = { .sched_priority = 1 };

	check(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param));
}

/* Gives this thread and those that it starts to one CPU. */
static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}

struct waiter {
	int pipe[2];
	volatile int tid, is_over;
	unsigned long long begun, ended; /* instants of the longest wait */
};

static void *be_woken(void *context)
{
	struct waiter *waiter = context;
	char byte;

	waiter->tid = gettid();
	if (read(waiter->pipe[0], &byte, 1) == 1)
		waiter->ended = now();
	return NULL;
}

static void woken(unsigned long long ms)
{
	struct waiter waiter = { 0 };
	pthread_t thread;

	check(pipe(waiter.pipe));
	check(pthread_create(&thread, NULL, be_woken, &waiter));
	while (!waiter.tid)
		usleep(1000);
	usleep(50000); /* until it reads */
	be_real_time();
	waiter.begun = now();
	if (write(waiter.pipe[1], "", 1) != 1)
		exit(1);
	spin(now() + ms * NS_PER_MS);
	check(pthread_join(thread, NULL));
	printf("%d %llu %llu\n", waiter.tid, waiter.begun, waiter.ended);
}

/* The longest time between two looks at the clock; the last one is after the end, which may have come in
 * between.
 */
static void *be_preempted(void *context)
{
	struct waiter *waiter = context;
	unsigned long long last = now(), next;

	waiter->tid = gettid();
	for (int is_last = 0; !is_last; last = next) {
		is_last = waiter->is_over;
		next = now();
		if (next - last > waiter->ended - waiter->begun) {
			waiter->begun = last;
			waiter->ended = next;
		}
	}
	return NULL;
}

static void preempted(unsigned long long ms)
{
	struct waiter waiter = { 0 };
	pthread_t thread;

	check(pthread_create(&thread, NULL, be_preempted, &waiter));
	be_real_time();
	while (!waiter.tid)
		usleep(1000);
	usleep(20000);
	spin(now() + ms * NS_PER_MS);
	usleep(1000);
	waiter.is_over = 1;
	check(pthread_join(thread, NULL));
	printf("%d %llu %llu\n", waiter.tid, waiter.begun, waiter.ended);
}

struct member {
	pthread_t thread;
	unsigned long long until;
	unsigned long long runs, delay, away; /* ns */
};

static void read_schedstat(unsigned long long *delay, unsigned long long *runs)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "r");

	if (!file || fscanf(file, "%*u %llu %llu", delay, runs) != 2)
		exit(1);
	fclose(file);
}

static void *share(void *context)
{
	struct member *member = context;
	unsigned long long begun = now(), ran = at(CLOCK_THREAD_CPUTIME_ID);

	spin(member->until);
	member->away = now() - begun - (at(CLOCK_THREAD_CPUTIME_ID) - ran);
	read_schedstat(&member->delay, &member->runs);
	return NULL;
}

static void crowd(int threads, unsigned long long ms)
{
	struct member members[THREADS_MAX] = { 0 };
	unsigned long long until = now() + ms * NS_PER_MS, delay, runs, away = 0;

	for (int i = 0; i < threads && i < THREADS_MAX; i++) {
		members[i].until = until;
		check(pthread_create(&members[i].thread, NULL, share, &members[i]));
	}
	for (int i = 0; i < threads && i < THREADS_MAX; i++)
		check(pthread_join(members[i].thread, NULL));
	read_schedstat(&delay, &runs);
	for (int i = 0; i < threads && i < THREADS_MAX; i++) {
		delay += members[i].delay;
		runs += members[i].runs;
		away += members[i].away;
	}
	printf("%llu %llu %llu\n", runs, delay, away);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	pin(atoi(argv[2]));
	if (strcmp(argv[1], "woken") == 0)
		woken(strtoull(argv[3], NULL, 10));
	else if (strcmp(argv[1], "preempted") == 0)
		preempted(strtoull(argv[3], NULL, 10));
	else if (argc > 4)
		crowd(atoi(argv[3]), strtoull(argv[4], NULL, 10));
	return 0;
}
