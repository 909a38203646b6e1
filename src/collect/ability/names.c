/* SPDX-License-Identifier: MIT */
/* names.c - what turns addresses into names: the kernel's types and symbols, other processes' files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collect/ability/lab.h"
#include "collect/ability/stranger.h"
#include "collect/kernel_btf.h"

#define KALLSYMS_BYTES 65536 /* looked at: more than 1,000 symbols */

void try_kernel_btf(struct lab *lab, struct ability_result *result)
{
	int inside = lab_knows_btf(lab), file = lab_btf(lab);

	if (!file)
		found_works(result, "%u types", btf__type_cnt(lab->btf));
	else if (!inside)
		found_degraded(result,
			       "the kernel has it, but " KERNEL_BTF " cannot be read (%s): "
			       "only light skeletons load",
			       error_name(file));
	else
		found_absent(result, file, KERNEL_BTF " cannot be read (%s)", error_name(file));
}

/* Whether a line of kallsyms begins with an address that is not 0. */
static bool has_address(const char *line)
{
	return strspn(line, "0123456789abcdef") > strspn(line, "0");
}

/* Whether the first part of /proc/kallsyms has addresses: 1, 0 or -errno. */
static int shows_addresses(void)
{
	own(fd_closep) int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	own(freep) char *text = calloc(1, KALLSYMS_BYTES + 1);
	size_t len = 0;
	ssize_t got = 1;

	if (fd < 0 || !text)
		return fd < 0 ? -errno : -ENOMEM;
	while (got > 0 && len < KALLSYMS_BYTES) {
		got = read(fd, text + len, KALLSYMS_BYTES - len);
		len += got > 0 ? (size_t)got : 0;
	}
	if (!len)
		return got < 0 ? -errno : -ENODATA;
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (has_address(line))
			return 1;
	}
	return 0;
}

void try_kallsyms(struct lab *lab, struct ability_result *result)
{
	int shown = shows_addresses();

	if (shown < 0) {
		found_absent(result, shown, "/proc/kallsyms cannot be read (%s)",
			     error_name(shown));
	} else if (shown) {
		found_works(result, "%s", "");
	} else if (caps_missing(lab, CAP_BIT(CAP_SYSLOG))) {
		found_forbidden(result, 0,
				"CAP_SYSLOG is missing: every address in /proc/kallsyms "
				"reads 0");
		caps_remedy(lab, CAP_BIT(CAP_SYSLOG), result);
	} else {
		found_forbidden(result, 0,
				"every address in /proc/kallsyms reads 0, although "
				"CAP_SYSLOG is held: kernel.kptr_restrict hides them");
	}
}

/* Opens and reads a file of a process; 0 or -errno. */
static int read_of(pid_t pid, const char *name)
{
	own(fd_closep) int fd = -1;
	char path[64], byte;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return read(fd, &byte, 1) < 0 ? -errno : 0;
}

static void judge_files(const struct lab *lab, struct ability_result *result, int err,
			uint64_t needs, const char *step)
{
	if (err == -EACCES)
		err = -EPERM;
	if (err)
		found_refused(lab, result, err, needs, step, "the file cannot be opened");
	else if (lab->in_user_namespace)
		found_degraded(result, "only for processes of this user namespace");
	else
		found_works(result, "%s", "");
}

void try_foreign_maps(struct lab *lab, struct ability_result *result)
{
	struct stranger stranger;
	int err = stranger_start(&stranger);

	if (!err) {
		err = read_of(stranger.pid, "maps");
		stranger_end(&stranger);
	}
	judge_files(lab, result, err, CAP_BIT(CAP_SYS_PTRACE), "reading /proc/PID/maps");
}

void try_foreign_files(struct lab *lab, struct ability_result *result)
{
	struct stranger stranger;
	int err = stranger_start(&stranger);

	if (!err) {
		err = read_of(stranger.pid, "exe");
		stranger_end(&stranger);
	}
	judge_files(lab, result, err, CAP_BIT(CAP_SYS_PTRACE), "opening /proc/PID/exe");
}

static void folder_closep(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* The first file that a process maps, as one opens it after its name is gone from the disk. */
static int open_mapped(pid_t pid)
{
	own(folder_closep) DIR *folder = NULL;
	struct dirent *entry;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files", pid);
	folder = opendir(path);
	if (!folder)
		return -errno;
	do {
		errno = 0;
		entry = readdir(folder);
	} while (entry && entry->d_name[0] == '.');
	if (!entry)
		return errno ? -errno : -EACCES; /* up to 6.12 it is empty without the right */
	fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

void try_deleted_files(struct lab *lab, struct ability_result *result)
{
	uint64_t needs = CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_CHECKPOINT_RESTORE);
	struct stranger stranger;
	int err = stranger_start(&stranger);

	if (!err) {
		err = open_mapped(stranger.pid);
		stranger_end(&stranger);
	}
	if (lab->uid) /* the folder belongs to root */
		needs |= CAP_BIT(CAP_DAC_READ_SEARCH);
	judge_files(lab, result, err, needs, "opening /proc/PID/map_files/...");
}
