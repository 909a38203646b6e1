/* SPDX-License-Identifier: MIT */
#include "session/latency_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "collect/open.h"
#include "resolve/maps.h"

#define PATH_BYTES     4096
#define MAPS_MAX_BYTES (64u << 20)

#if defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#else
#define MULTIARCH "x86_64-linux-gnu"
#endif

/* Where the dynamic linker looks on the systems that we know. */
static const char library_folders[] =
	"/lib/" MULTIARCH ":/usr/lib/" MULTIARCH ":/lib64:/usr/lib64:/lib:/usr/lib:"
	"/usr/local/lib";

static int finish(int fd, const char *path, struct latency_opened *ret_opened)
{
	char *copy = strdup(path);

	if (!copy) {
		close(fd);
		return -ENOMEM;
	}
	*ret_opened = (struct latency_opened){ fd, copy };
	return 0;
}

static int fail_open(const char *path, int err)
{
	if (err == -ENOENT || err == -ENOTDIR)
		return fail(-ENOENT, "there is no file '%s'", path);
	return fail(err, "cannot open '%s': %m", path);
}

static int open_path(uint32_t pid, const char *path, struct latency_opened *ret_opened)
{
	int fd = pid && path[0] == '/' ? open_in_root(pid, path)
				       : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return fail_open(path, pid && path[0] == '/' ? fd : -errno);
	return finish(fd, path, ret_opened);
}

/* Looks through folders that are separated by ':'.  Return: 0; -ENOENT, without fail(). */
static int search(const char *folders, const char *name, int mode,
		  struct latency_opened *ret_opened)
{
	char path[PATH_BYTES];

	while (folders && *folders) {
		size_t len = strcspn(folders, ":");
		int fd;

		snprintf(path, sizeof(path), "%.*s/%s", (int)len, folders, name);
		folders += len + (folders[len] == ':');
		if (access(path, mode) != 0)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			return finish(fd, path, ret_opened);
	}
	return -ENOENT;
}

struct process_maps {
	struct mappings mappings;
	struct strings paths;
};

static void process_maps_done(struct process_maps *maps)
{
	mappings_clear(&maps->mappings);
	strings_done(&maps->paths);
}

static int read_maps(uint32_t pid, struct process_maps *maps)
{
	own(fd_closep) int fd = open_maps(pid);
	own(freep) char *text = NULL;
	size_t len = 0;
	int err;

	if (fd == -ENOENT || fd == -ESRCH)
		return fail(-ESRCH, "there is no process %u", pid);
	if (fd < 0)
		return fail(fd, "cannot read the mappings of process %u: %m", pid);
	err = file_read_all(fd, MAPS_MAX_BYTES, &text, &len);
	if (err)
		return fail(err, "cannot read the mappings of process %u: %m", pid);
	return mappings_parse(&maps->mappings, text, len, true, &maps->paths, NULL);
}

static int open_mapping(uint32_t pid, const struct process_maps *maps,
			const struct mapping *mapping, struct latency_opened *ret_opened)
{
	const char *path = strings_get(&maps->paths, mapping->path);
	struct open_mapped mapped = {
		.pid = pid,
		.start = mapping->start,
		.end = mapping->end,
		.path = path,
		.inode = mapping->inode,
	};
	int fd = open_mapped_file(&mapped);

	return fd < 0 ? fail(fd, "cannot open '%s': %m", path) : finish(fd, path, ret_opened);
}

static bool is_named(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return strcmp(path, name) == 0 || (slash && strcmp(slash + 1, name) == 0);
}

/* Return: 0; -ENOENT, without fail(), when nothing of that name is mapped. */
static int open_mapped_name(uint32_t pid, const char *name, struct latency_opened *ret_opened)
{
	own(process_maps_done) struct process_maps maps = { 0 };
	const struct mapping *at = NULL;
	int err = read_maps(pid, &maps);

	if (err)
		return err;
	for (uint64_t from = 0; (at = mappings_next(&maps.mappings, from)) != NULL; from = at->end)
		if (at->kind == MAPPING_FILE && is_named(strings_get(&maps.paths, at->path), name))
			return open_mapping(pid, &maps, at, ret_opened);
	return -ENOENT;
}

int latency_files_open(uint32_t pid, const char *name, struct latency_opened *ret_opened)
{
	int err = pid ? open_mapped_name(pid, name, ret_opened) : -ENOENT;

	if (err != -ENOENT)
		return err;
	if (strchr(name, '/'))
		return open_path(pid, name, ret_opened);
	err = search(getenv("PATH"), name, X_OK, ret_opened);
	if (err == -ENOENT)
		err = search(library_folders, name, R_OK, ret_opened);
	if (err == -ENOENT) {
		err = fail(err, "there is no program and no library '%s'", name);
		hint("name the file by a path: ./%s", name);
	}
	return err;
}

static int open_program(uint32_t pid, struct latency_opened *ret_opened)
{
	char link[40], path[PATH_BYTES];
	ssize_t len;
	int fd;

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fail(-ESRCH, "there is no process %u", pid);
	if (fd < 0)
		return fail(-errno, "cannot open the program of process %u: %m", pid);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	return finish(fd, len > 0 ? path : link, ret_opened);
}

int latency_files_of_process(uint32_t pid, unsigned number, struct latency_opened *ret_opened)
{
	own(process_maps_done) struct process_maps maps = { 0 };
	const struct mapping *at = NULL;
	int err;

	if (!number)
		return open_program(pid, ret_opened);
	err = read_maps(pid, &maps);
	if (err)
		return err;
	for (uint64_t from = 0; (at = mappings_next(&maps.mappings, from)) != NULL; from = at->end)
		if (at->kind == MAPPING_FILE && !--number)
			return open_mapping(pid, &maps, at, ret_opened);
	return -ENOENT;
}
