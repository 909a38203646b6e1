/* SPDX-License-Identifier: MIT */
#include "session/storm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define FAULT_BYTES 65536 /* from one page that is touched to the next */
#define BLOCK_BYTES 4096  /* of one write, aligned so that it may pass the page cache */

/* Return: 0, or an errno. */
static int make_processes(struct storm_truth *truth, uint32_t count)
{
	char *const words[] = { "true", "kymo selftest", NULL };

	for (uint32_t i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return errno;
		if (pid == 0) {
			execv("/bin/true", words);
			_exit(127);
		}
		truth->numbers[STORM_PROCESSES][truth->count[STORM_PROCESSES]++] = (uint32_t)pid;
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static int open_server(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		return -1;
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* A byte each way, so that both ends are used. */
static int converse(int client, int server)
{
	char byte = 0;

	if (send(client, &byte, 1, 0) != 1 || recv(server, &byte, 1, 0) != 1 ||
	    send(server, &byte, 1, 0) != 1 || recv(client, &byte, 1, 0) != 1)
		return errno ?: EIO;
	return 0;
}

static int connect_once(struct storm_truth *truth, int listener)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(truth->port) };
	own(fd_closep) int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server = -1;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);

	if (client < 0 || connect(client, (struct sockaddr *)&to, sizeof(to)) ||
	    getsockname(client, (struct sockaddr *)&from, &len))
		return errno;
	truth->numbers[STORM_CONNECTIONS][truth->count[STORM_CONNECTIONS]++] = ntohs(from.sin_port);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return server < 0 ? errno : converse(client, server);
}

static int make_connections(struct storm_truth *truth, uint32_t count)
{
	own(fd_closep) int listener = open_server(&truth->port);
	int err = listener < 0 ? errno : 0;

	for (uint32_t i = 0; !err && i < count; i++)
		err = connect_once(truth, listener);
	return err;
}

/* A file without a name, on a disk where there is one. */
static int open_file(int flags)
{
	static const char *const folders[] = { "/var/tmp", "/tmp", "." };
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < array_len(folders); i++)
		fd = open(folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0600);
	return fd;
}

/* Past the page cache, one after the other, so that the disk gets as many requests. */
static int make_writes(struct storm_truth *truth, uint32_t count)
{
	own(freep) void *block = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
	own(fd_closep) int fd = open_file(O_DIRECT);

	if (!block)
		return ENOMEM;
	memset(block, 'k', BLOCK_BYTES);
	if (fd < 0)
		return errno;
	for (uint32_t i = 0; i < count; i++) {
		if (pwrite(fd, block, BLOCK_BYTES, (off_t)i * BLOCK_BYTES) != BLOCK_BYTES)
			return errno ?: EIO;
		truth->count[STORM_WRITES]++;
	}
	return 0;
}

static int make_signals(struct storm_truth *truth, uint32_t count)
{
	signal(SIGUSR1, SIG_IGN); /* it is generated all the same, and told that it is ignored */
	for (uint32_t i = 0; i < count; i++) {
		if (kill(getpid(), SIGUSR1))
			return errno;
		truth->count[STORM_SIGNALS]++;
	}
	return 0;
}

/* A file of pages that lie on the disk and are in no memory; the storm itself is not to write it.
 * Return: a descriptor; -errno.
 */
static int make_cold_file(uint32_t count)
{
	off_t bytes = (off_t)count * FAULT_BYTES;
	own(fd_closep) int fd = open_file(0);

	if (fd < 0 || posix_fallocate(fd, 0, bytes))
		return -(errno ?: ENOSPC);
	for (off_t at = 0; at < bytes; at += FAULT_BYTES)
		if (pwrite(fd, "k", 1, at) != 1)
			return -(errno ?: EIO);
	if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		return -(errno ?: EIO);
	return fd_take(&fd);
}

/* Touches pages, each far from the last, so that each is read. */
static int make_faults(struct storm_truth *truth, int fd, uint32_t count)
{
	size_t bytes = (size_t)count * FAULT_BYTES;
	struct rusage used;
	volatile char *map;

	if (fd < 0)
		return -fd;
	map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno;
	madvise((void *)map, bytes, MADV_RANDOM);
	for (size_t at = 0; at < bytes; at += FAULT_BYTES)
		(void)map[at];
	getrusage(RUSAGE_SELF, &used);
	truth->count[STORM_FAULTS] = (uint32_t)used.ru_majflt;
	return truth->count[STORM_FAULTS] < count ? EBUSY : 0;
}

static void rage(struct storm_truth *truth, int cold_file, uint32_t count)
{
	truth->error[STORM_PROCESSES] = make_processes(truth, count);
	truth->error[STORM_CONNECTIONS] = make_connections(truth, count);
	truth->error[STORM_WRITES] = make_writes(truth, count);
	truth->error[STORM_SIGNALS] = make_signals(truth, count);
	truth->error[STORM_FAULTS] = make_faults(truth, cold_file, count);
}

int storm_begin(struct storm *storm, uint32_t count, int *ret_release)
{
	int cold_file = make_cold_file(count), ends[2];
	char byte;

	*storm = (struct storm){ 0 };
	storm->truth = mmap(NULL, sizeof(*storm->truth), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (storm->truth == MAP_FAILED) {
		storm->truth = NULL;
		return fail(-errno, "cannot share memory with the storm: %m");
	}
	if (pipe2(ends, O_CLOEXEC))
		return fail(-errno, "cannot make a pipe: %m");
	storm->pid = fork();
	if (storm->pid == 0) {
		close(ends[1]);
		if (read(ends[0], &byte, 1) == 1)
			rage(storm->truth, cold_file, count);
		_exit(0);
	}
	if (cold_file >= 0)
		close(cold_file);
	close(ends[0]);
	*ret_release = ends[1];
	return storm->pid < 0 ? fail(-errno, "cannot fork: %m") : 0;
}

bool storm_is_over(struct storm *storm)
{
	if (storm->pid > 0 && waitpid(storm->pid, NULL, WNOHANG) == storm->pid)
		storm->pid = 0;
	return storm->pid <= 0;
}

void storm_done(struct storm *storm)
{
	if (storm->pid > 0) {
		kill(storm->pid, SIGKILL);
		waitpid(storm->pid, NULL, 0);
	}
	if (storm->truth)
		munmap(storm->truth, sizeof(*storm->truth));
}
