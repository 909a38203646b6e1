/* SPDX-License-Identifier: MIT */
/* wait.c - waits of known kinds and lengths, each below a function of its name.
 *
 *     wait MILLISECONDS
 *
 * Prints how long each took, by the clock, and at least: from the last instant before it to whatever
 * ended it.  And how long the main thread lived and ran.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((noipa, noinline))

static struct timespec nap;
static volatile double *about_to_wait, *least; /* shared with the children */

static double now(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static bool waits(void)
{
	*about_to_wait = now(CLOCK_MONOTONIC);
	return true;
}

/* A child that writes a byte, or ends, after the nap. */
static pid_t helper(int fd)
{
	pid_t pid;

	*about_to_wait = 0;
	pid = fork();
	if (pid == 0) {
		nanosleep(&nap, NULL);
		*least = *about_to_wait ? now(CLOCK_MONOTONIC) - *about_to_wait : 0;
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
	if (waits() && read(ends[0], &byte, 1) != 1)
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
	if (waits() && recv(ends[0], &byte, 1, 0) != 1)
		abort();
	waitpid(pid, NULL, 0);
}

/* What comes over a network comes in a soft interrupt. */
API void wait_in_network(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(here);
	int server = socket(AF_INET, SOCK_STREAM, 0), from = socket(AF_INET, SOCK_STREAM, 0), to;
	char byte;
	pid_t pid;

	if (bind(server, (struct sockaddr *)&here, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&here, &len) ||
	    connect(from, (struct sockaddr *)&here, len))
		abort();
	to = accept(server, NULL, NULL);
	pid = helper(to);
	if (waits() && recv(from, &byte, 1, 0) != 1)
		abort();
	waitpid(pid, NULL, 0);
}

/* A timer of the wheel, not one of high resolution: it ends in a soft interrupt. */
API void wait_in_wheel(void)
{
	struct timeval time = { nap.tv_sec, nap.tv_nsec / 1000 };
	int from = socket(AF_INET, SOCK_DGRAM, 0);
	char byte;

	if (setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) ||
	    recv(from, &byte, 1, 0) >= 0)
		abort();
}

API void wait_in_poll(void)
{
	struct pollfd none = { .fd = -1 };

	poll(&none, 1, (int)(nap.tv_nsec / 1000000 + nap.tv_sec * 1000));
	__asm__ volatile("");
}

API void wait_in_child(void)
{
	pid_t pid = helper(-1);

	waits();
	waitpid(pid, NULL, 0);
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
	} kinds[] = { { "sleep", wait_in_sleep }, { "pipe", wait_in_pipe },
		      { "socket", wait_in_socket }, { "network", wait_in_network },
		      { "wheel", wait_in_wheel }, { "poll", wait_in_poll },
		      { "child", wait_in_child }, { "lock", wait_in_lock },
		      { "brief", wait_briefly } };
	double start = now(CLOCK_MONOTONIC), before;
	long ms = argc > 1 ? atol(argv[1]) : 50;

	nap.tv_sec = ms / 1000;
	nap.tv_nsec = ms % 1000 * 1000000;
	about_to_wait = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (about_to_wait == MAP_FAILED)
		abort();
	least = about_to_wait + 1;
	printf("{");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		*least = (double)nap.tv_sec + (double)nap.tv_nsec / 1e9;
		before = now(CLOCK_MONOTONIC);
		kinds[i].wait();
		printf("\"%s\":%f,\"least_%s\":%f,", kinds[i].name,
		       now(CLOCK_MONOTONIC) - before, kinds[i].name, *least);
	}
	printf("\"sum\":%lu,", spin());
	printf("\"pid\":%d,\"ran\":%f,\"lived\":%f}\n", getpid(), now(CLOCK_THREAD_CPUTIME_ID),
	       now(CLOCK_MONOTONIC) - start);
	return 0;
}
