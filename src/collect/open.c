/* SPDX-License-Identifier: MIT */
#include "collect/open.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

#define STATUS_MAX_BYTES 65536u
#define VDSO_MAX_BYTES   (1u << 20)

static int open_proc(uint32_t pid, const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int open_maps(uint32_t pid)
{
	return open_proc(pid, "maps", O_RDONLY);
}

int open_comm(uint32_t pid)
{
	return open_proc(pid, "comm", O_RDONLY);
}

/* Reads only from regular files: opening a FIFO or a device can block or do something. */
static int reopen_regular(int path_fd)
{
	struct stat status;
	char self[64];
	int fd;

	if (fstat(path_fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* @flags: O_NOFOLLOW to refuse a symbolic link as the last part of @path. */
static int open_beneath(uint32_t pid, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	own(fd_closep) int root = -1, found = -1;

	root = pid ? open_proc(pid, "root", O_PATH | O_DIRECTORY)
		   : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return pid ? root : -errno;
	found = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (found < 0)
		return -errno;
	return reopen_regular(found);
}

int open_in_root(uint32_t pid, const char *path)
{
	return open_beneath(pid, path, 0);
}

/* The inode decides; device numbers differ between what the kernel maps and what stat() tells on
 * overlay and btrfs file systems.  Overlays also put the number of a layer into the highest bits of
 * what stat() tells.
 */
static int same_inode(int fd, uint64_t inode)
{
	struct stat status;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) == 0 && (uint32_t)status.st_ino == (uint32_t)inode)
		return fd;
	close(fd);
	return -ESTALE;
}

int open_mapped_file(const struct open_mapped *mapped)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(mapped->path);
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "map_files/%lx-%lx", (unsigned long)mapped->start,
		 (unsigned long)mapped->end);
	fd = open_proc(mapped->pid, name, O_PATH);
	/* By now the process may have executed something else that is mapped at the same place. */
	if (fd >= 0 && mapped->inode)
		fd = same_inode(fd, mapped->inode);
	if (fd >= 0) {
		own(fd_closep) int found = fd;

		return reopen_regular(found);
	}
	if (mapped->path[0] != '/' || !mapped->inode)
		return -ENOENT;
	if (len > sizeof(deleted) &&
	    strcmp(mapped->path + len - (sizeof(deleted) - 1), deleted) == 0)
		return -ENOENT;
	fd = same_inode(open_in_root(mapped->pid, mapped->path), mapped->inode);
	if (fd < 0 && fd != -ESTALE)
		fd = same_inode(open_in_root(0, mapped->path), mapped->inode);
	return fd;
}

/* The number of a process in its own PID namespace and its owner, from /proc/PID/status. */
static int read_status(uint32_t pid, uint32_t *ret_inner_pid, uint32_t *ret_uid)
{
	own(fd_closep) int fd = open_proc(pid, "status", O_RDONLY);
	own(freep) char *text = NULL;
	const char *line;
	size_t len;
	int err = fd < 0 ? fd : file_read_all(fd, STATUS_MAX_BYTES, &text, &len);

	if (err)
		return err;
	*ret_inner_pid = pid;
	line = strstr(text, "\nNSpid:");
	if (line) { /* "NSpid:\t1234\t7": ours first, its own last */
		char *at = (char *)line + strlen("\nNSpid:");

		while (*at == '\t')
			*ret_inner_pid = (uint32_t)strtoul(at, &at, 10);
	}
	line = strstr(text, "\nUid:\t");
	if (!line)
		return -EINVAL;
	*ret_uid = (uint32_t)strtoul(line + strlen("\nUid:\t"), NULL, 10);
	return 0;
}

int open_perf_map(uint32_t pid)
{
	uint32_t inner_pid, uid;
	struct stat status;
	char path[64];
	int fd, err = read_status(pid, &inner_pid, &uid);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", inner_pid);
	fd = open_beneath(pid, path, O_NOFOLLOW);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) == 0 && (status.st_uid == uid || status.st_uid == 0))
		return fd;
	close(fd);
	return -EPERM;
}

int open_kallsyms(void)
{
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The vDSO's length stands nowhere; its section headers come last. */
int open_vdso(void)
{
	const Elf64_Ehdr *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	own(fd_closep) int fd = -1;
	size_t len;

	if (!vdso)
		return -ENOENT;
	len = vdso->e_shoff + (size_t)vdso->e_shnum * vdso->e_shentsize;
	if (memcmp(vdso->e_ident, ELFMAG, SELFMAG) != 0 || len > VDSO_MAX_BYTES)
		return -EINVAL;
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, vdso, len) != (ssize_t)len)
		return -EIO;
	return fd_take(&fd);
}
