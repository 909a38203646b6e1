/* SPDX-License-Identifier: MIT */
/* wait.c - waits of known kinds and lengths, each below a function of its name.
 *
 *     wait MILLISECONDS
 *
 * Prints how long each took, by the clock, and how long the main thread lived and ran.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((noipa, noinline))

static struct timespec nap;

static double now(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* A child that writes a byte, or ends, after the nap. */
static pid_t helper(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		nanosleep(&nap, NULL);
		_exit(fd >= 0 && write(fd, "x", 1) != 1);
	}
	return pid;
}

API void wait_in_sleep(void)
{
	nanosleep(&nap, NULL);
	__asm__ volatile("");
}

API void wait_in_pipe(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends))
		abort();
	pid = helper(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		abort();
	waitpid(pid, NULL, 0);
}

API void wait_in_socket(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		abort();
	pid = helper(ends[1]);
	if (recv(ends[0], &byte, 1, 0) != 1)
		abort();
	waitpid(pid, NULL, 0);
}

API void wait_in_poll(void)
{
	struct pollfd none = { .fd = -1 };

	poll(&none, 1, (int)(nap.tv_nsec / 1000000 + nap.tv_sec * 1000));
	__asm__ volatile("");
}

API void wait_in_child(void)
{
	waitpid(helper(-1), NULL, 0);
	__asm__ volatile("");
}

API void wait_in_lock(void)
{
	static uint32_t word;

	syscall(SYS_futex, &word, FUTEX_WAIT, 0, &nap, NULL, 0);
	__asm__ volatile("");
}

/* Naps of a tenth of a millisecond: too short for the default threshold. */
API void wait_briefly(void)
{
	struct timespec brief = { 0, 100000 };

	for (int i = 0; i < 100; i++)
		nanosleep(&brief, NULL);
}

API uint64_t spin(void)
{
	double until = now(CLOCK_THREAD_CPUTIME_ID) + (double)nap.tv_nsec / 1e9;
	uint64_t sum = 0;

	while (now(CLOCK_THREAD_CPUTIME_ID) < until)
		for (int i = 0; i < 1000; i++)
			sum += sum * 31 + 7;
	return sum;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*wait)(void);
	} waits[] = { { "sleep", wait_in_sleep }, { "pipe", wait_in_pipe },
		      { "socket", wait_in_socket }, { "poll", wait_in_poll },
		      { "child", wait_in_child }, { "lock", wait_in_lock },
		      { "brief", wait_briefly } };
	double start = now(CLOCK_MONOTONIC), before;
	long ms = argc > 1 ? atol(argv[1]) : 50;

	nap.tv_sec = ms / 1000;
	nap.tv_nsec = ms % 1000 * 1000000;
	printf("{");
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		before = now(CLOCK_MONOTONIC);
		waits[i].wait();
		printf("\"%s\":%f,", waits[i].name, now(CLOCK_MONOTONIC) - before);
	}
	printf("\"sum\":%lu,", spin());
	printf("\"pid\":%d,\"ran\":%f,\"lived\":%f}\n", getpid(), now(CLOCK_THREAD_CPUTIME_ID),
	       now(CLOCK_MONOTONIC) - start);
	return 0;
}
