/* SPDX-License-Identifier: MIT */
#include "collect/alive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

#define STAT_MAX_BYTES 4096

int alive_process(uint32_t pid)
{
	own(fd_closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	if (fd < 0 && errno == EINVAL) /* since 6.15 ENOENT: no leader of a process */
		return -ESRCH;
	if (fd < 0)
		return errno == ESRCH ? 0 : errno == ENOENT ? -ESRCH : 1;
	return poll(&ended, 1, 0) == 1 ? 0 : 1;
}

int alive_thread(uint32_t tid)
{
	return kill((pid_t)tid, 0) == 0 || errno != ESRCH;
}

int alive_since(uint32_t pid, uint64_t *ret_ticks)
{
	own(freep) char *text = NULL;
	unsigned long ticks;
	const char *rest;
	char path[32];
	size_t len;
	own(fd_closep) int fd = -1;
	int alive = alive_process(pid);

	if (alive < 1)
		return alive;
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read_all(fd, STAT_MAX_BYTES, &text, &len))
		return 1;
	rest = strrchr(text, ')'); /* the name before it may hold anything */
	if (rest &&
	    sscanf(rest + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		   "%*d %lu",
		   &ticks) == 1)
		*ret_ticks = ticks;
	return 1;
}
