/* SPDX-License-Identifier: MIT */
#include "collect/alive.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

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
