/* SPDX-License-Identifier: MIT */
/* A child that is not dumpable: the kernel then treats it as somebody else's, whatever its uid. */
#include "collect/ability/stranger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_stranger(int ready, int hold)
{
	char byte = 0;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && write(ready, &byte, 1) == 1)
		while (read(hold, &byte, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

int stranger_start(struct stranger *stranger)
{
	int ready[2], hold[2], err = 0;
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(hold, O_CLOEXEC) < 0) {
		err = -errno;
		close(ready[0]);
		close(ready[1]);
		return err;
	}
	stranger->pid = fork();
	if (stranger->pid == 0) {
		close(hold[1]);
		be_stranger(ready[1], hold[0]);
	}
	if (stranger->pid < 0)
		err = -errno;
	close(ready[1]);
	close(hold[0]);
	stranger->hold = hold[1];
	if (!err && read(ready[0], &byte, 1) != 1)
		err = -ESRCH;
	close(ready[0]);
	if (err)
		stranger_end(stranger);
	return err;
}

void stranger_end(struct stranger *stranger)
{
	close(stranger->hold);
	if (stranger->pid > 0)
		while (waitpid(stranger->pid, NULL, 0) < 0 && errno == EINTR)
			;
}
