/* SPDX-License-Identifier: MIT */
/* initramfs.c - the first process where the drivers of the disks are modules: loads these, mounts the root of
 * the lab's machines and goes on there.  The root is the one disk that has a partition.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 600 /* of 0.1 s: the machine is emulated */

static void say(const char *what, const char *name)
{
	fprintf(stderr, "initramfs: %s %s: %m\n", what, name);
}

static void load_modules(void)
{
	struct dirent **found;
	int count = scandir("/modules", &found, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char path[300];
		int fd;

		if (found[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/modules/%s", found[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			say("cannot load", path);
		close(fd);
	}
}

static int mount_root(void)
{
	for (int i = 0; i < TRIES; i++) {
		glob_t found;

		if (glob("/dev/nvme*n*p1", 0, NULL, &found) == 0 &&
		    mount(found.gl_pathv[0], "/root", "ext4", 0, NULL) == 0)
			return 0;
		usleep(100000);
	}
	return -1;
}

int main(int argc, char **argv)
{
	(void)argc;
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		say("cannot mount", "/dev");
	load_modules();
	if (mount_root()) {
		say("cannot mount", "the root");
		return 1; /* the kernel panics, and the machine ends */
	}
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) || chdir("/root") ||
	    mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		say("cannot change to", "the root");
	argv[0] = "/ginit";
	execv(argv[0], argv);
	say("cannot execute", argv[0]);
	return 1;
}
