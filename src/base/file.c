/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define NAMES_TRIED     100
#define READ_STEP_BYTES 65536u

int file_read_at(int fd, void *buffer, size_t len, uint64_t offset)
{
	char *at = buffer;

	while (len > 0) {
		ssize_t got = pread(fd, at, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ENODATA;
		at += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

int file_read_all(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	own(freep) char *text = NULL;
	size_t len = 0, cap = 0;

	for (;;) {
		ssize_t got;

		if (len + READ_STEP_BYTES / 2 > cap) {
			char *bigger = realloc(text, cap + cap / 2 + READ_STEP_BYTES);

			if (!bigger)
				return -ENOMEM;
			text = bigger;
			cap += cap / 2 + READ_STEP_BYTES;
		}
		got = read(fd, text + len, cap - len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
		if (len > max)
			return -EFBIG;
	}
	text[len] = '\0';
	*ret_text = take(text);
	*ret_len = len;
	return 0;
}

static int output_fail(int err, const char *path)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) : 0;
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%.*s", folder, path);
	if (folder && access(parent, F_OK) == 0) /* /proc gives ENOENT for a new file */
		folder = 0;
	fail(err, "cannot write '%s': %m", path);
	if (err == -EISDIR)
		hint("name a file in it: '%s%sprofile'", path, slash && !slash[1] ? "" : "/");
	else if (err == -ENOENT && folder)
		hint("mkdir -p '%.*s'", folder, path);
	else if (err == -ENOSPC || err == -EDQUOT)
		hint("'df -h' shows where there is room; an old file of this name is as it was");
	else if (err == -EACCES || err == -EPERM || err == -EROFS || (err == -ENOENT && slash))
		hint("choose a folder in which you may write, as '/tmp/%s'",
		     slash ? slash + 1 : path);
	return err;
}

/* The mode of the file that will be replaced, or what open() would give a new one of mode @fresh. */
static mode_t output_mode(const char *path, mode_t fresh)
{
	struct stat status;
	mode_t mask;

	if (stat(path, &status) == 0)
		return status.st_mode & 0777;
	mask = umask(0);
	umask(mask);
	return fresh & ~mask;
}

/* A file without a name in the folder of `path`; -errno where the file system has none. */
static int open_unnamed(const char *path, mode_t fresh)
{
	own(freep) char *copy = strdup(path);
	int fd;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0 && fchmod(fd, output_mode(path, fresh)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -errno : -EPERM;
}

/* Gives it one: a free name beside `path`. */
static int name_unnamed(struct file_output *output)
{
	char self[64];
	int err = -EEXIST;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fileno(output->out));
	for (unsigned i = 0; i < NAMES_TRIED && err == -EEXIST; i++) {
		own(freep) char *name = NULL;

		if (asprintf(&name, "%s.%d-%u", output->path, getpid(), i) < 0)
			return -ENOMEM;
		err = linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
		if (!err)
			output->temporary = take(name);
	}
	output->is_unnamed = false;
	return err;
}

/* A new file beside `path`. */
static int open_beside(const char *path, mode_t fresh, char **ret_temporary, int *ret_fd)
{
	own(freep) char *temporary = NULL;
	int fd;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, output_mode(path, fresh)) < 0) {
		int err = -errno;

		unlink(temporary);
		close(fd);
		return err;
	}
	*ret_temporary = take(temporary);
	*ret_fd = fd;
	return 0;
}

static int output_open(struct file_output *output, const char *path, mode_t fresh)
{
	struct stat status;
	int fd = -1, err;

	*output = (struct file_output){ 0 };
	if (!path || strcmp(path, "-") == 0) {
		output->out = stdout;
		return 0;
	}
	output->path = realpath(path, NULL); /* a symbolic link stays one: its target is replaced */
	if (!output->path)
		output->path = strdup(path);
	if (!output->path)
		return -ENOMEM;
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		err = fd < 0 ? -errno : 0;
	} else {
		fd = open_unnamed(output->path, fresh);
		output->is_unnamed = fd >= 0;
		err = 0;
	}
	if (!err && fd < 0) {
		err = open_beside(output->path, fresh, &output->temporary, &fd);
	}
	if (!err) {
		output->out = fdopen(fd, "w");
		err = output->out ? 0 : -errno;
		if (err)
			close(fd);
	}
	if (err) {
		file_output_abort(output);
		return output_fail(err, path);
	}
	return 0;
}

int file_output_open(struct file_output *output, const char *path)
{
	return output_open(output, path, 0666);
}

int file_output_open_private(struct file_output *output, const char *path)
{
	return output_open(output, path, 0600);
}

int file_output_commit(struct file_output *output)
{
	const char *name = output->path ? output->path : "standard output";
	bool failed = ferror(output->out); /* what a write met earlier is not kept in errno */
	int err = 0;

	if (fflush(output->out) != 0)
		err = output_fail(-errno, name);
	else if (failed)
		err = output_fail(-EIO, name);
	if (!err && output->is_unnamed) {
		err = name_unnamed(output);
		if (err)
			output_fail(err, name);
	}
	if (output->out != stdout) {
		if (fclose(output->out) != 0 && !err)
			err = output_fail(-errno, name);
		output->out = NULL;
	}
	if (!err && output->temporary) {
		if (rename(output->temporary, output->path) != 0) {
			err = output_fail(-errno, name);
		} else {
			free(output->temporary);
			output->temporary = NULL;
		}
	}
	file_output_abort(output);
	return err;
}

void file_output_abort(struct file_output *output)
{
	if (output->out && output->out != stdout)
		fclose(output->out);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	free(output->path);
	*output = (struct file_output){ 0 };
}

int file_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? fail(-errno, "cannot open '%s': %m", path) : fd;
}

int file_make_folder(const char *file)
{
	own(freep) char *path = strdup(file);

	if (!path)
		return -ENOMEM;
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return fail(-errno, "cannot make the folder '%s': %m", path);
		*at = '/';
	}
	return 0;
}

int file_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), err;

	if (fd < 0)
		return fail(-errno, "cannot lock '%s': %m", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err == -EWOULDBLOCK ? err : fail(err, "cannot lock '%s': %m", path);
}
