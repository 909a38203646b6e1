/* SPDX-License-Identifier: MIT */
/* events.c - events of one kind, as fast as they come.
 *
 *     events signals|faults|switches|locks|questions COUNT
 *     events groups COUNT FOLDER
 *
 * signals: that are ignored, to itself; faults: of pages that are there at once; switches: of two threads
 * that yield to each other on one processor; locks: of one mutex by two threads, of which the one that
 * has it lets the other one run; questions: to a name server of its own, with their answers, on loopback;
 * groups: control groups made and removed in FOLDER.  Prints events a second.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define PAGES 4096
#define PAGE  4096

static void signal_itself(long count)
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

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *take(void *count)
{
	for (long i = 0; i < *(long *)count; i++) {
		pthread_mutex_lock(&mutex);
		sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

/* Each of two threads on one processor does half of it. */
static void share(long count, void *(*half_of)(void *))
{
	long half = count / 2;
	pthread_t other;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	if (pthread_create(&other, NULL, half_of, &half))
		exit(1);
	half_of(&half);
	pthread_join(other, NULL);
}

static int udp(unsigned short port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		exit(1);
	return fd;
}

/* An address of example.com, with a number of its own for each question. */
static void ask(long count)
{
	static const char tail[] = "\7example\3com\0\0\1\0\1";
	int client = udp(0), server = udp(53);
	struct sockaddr_in to, from;
	socklen_t len = sizeof(to);

	getsockname(server, (struct sockaddr *)&to, &len);
	for (long i = 0; i < count; i++) {
		unsigned char packet[512] = {
			(unsigned char)(i >> 8), (unsigned char)i, 1, 0, 0, 1
		};
		size_t size = 12;
		ssize_t got;

		memcpy(packet + size, tail, sizeof(tail) - 1);
		size += sizeof(tail) - 1;
		sendto(client, packet, size, 0, (struct sockaddr *)&to, sizeof(to));
		len = sizeof(from);
		got = recvfrom(server, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len);
		packet[2] = 0x81;
		if (got != (ssize_t)size ||
		    sendto(server, packet, size, 0, (struct sockaddr *)&from, len) != got ||
		    recv(client, packet, sizeof(packet), 0) != got)
			exit(1);
	}
}

static void group(long count, const char *folder)
{
	char path[512];

	for (long i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/kymo-bench-%ld", folder, i);
		if (mkdir(path, 0700) || rmdir(path))
			exit(1);
	}
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 0;
	uint64_t began = clock_mono_ns();

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "signals") == 0)
		signal_itself(count);
	else if (strcmp(argv[1], "faults") == 0)
		fault(count);
	else if (strcmp(argv[1], "locks") == 0)
		share(count, take);
	else if (strcmp(argv[1], "questions") == 0)
		ask(count);
	else if (strcmp(argv[1], "groups") == 0 && argc > 3)
		group(count, argv[3]);
	else
		share(count, yield);
	printf("%.0f\n", (double)count * 1e9 / (double)(clock_mono_ns() - began));
	return 0;
}
