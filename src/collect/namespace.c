/* SPDX-License-Identifier: MIT */
#include "collect/namespace.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define INITIAL_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

int namespace_of_pids(uint32_t *ret_inum)
{
	struct stat status;
	char self[32];
	ssize_t len = readlink("/proc/self", self, sizeof(self) - 1);
	int err;

	if (len < 0 && errno == ENOENT && access("/proc/filesystems", F_OK) != 0) {
		err = fail(-ENOENT, "cannot look at processes: /proc is not mounted");
		hint("'mount -t proc proc /proc' mounts it");
		return err;
	}
	self[len < 0 ? 0 : len] = '\0';
	if (strtol(self, NULL, 10) != getpid() || stat("/proc/self/ns/pid", &status) < 0) {
		err = fail(-EXDEV,
			   "cannot look at processes: /proc shows those of another PID namespace");
		hint("'mount -t proc proc /proc' in this namespace, or 'unshare --mount-proc'");
		return err;
	}
	*ret_inum = status.st_ino == INITIAL_PID_NAMESPACE ? 0 : (uint32_t)status.st_ino;
	return 0;
}
