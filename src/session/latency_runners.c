/* SPDX-License-Identifier: MIT */
#include "session/latency_runners.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.h"
#include "elf/gopclntab.h"
#include "elf/goroutine.h"
#include "session/latency_files.h"

static bool is_same(const void *owner, uint32_t entry, const void *key)
{
	const struct latency_runners *runners = owner;

	return runners->pids.data[entry] == *(const uint32_t *)key;
}

/* The program of a process; NULL: it cannot be looked at. */
static struct image *program_of(uint32_t pid)
{
	struct image *image = NULL;
	struct latency_opened opened;

	if (latency_files_of_process(pid, 0, &opened)) {
		error_clear();
		return NULL;
	}
	free(opened.path);
	if (image_open(opened.fd, &image))
		error_clear();
	return image;
}

static struct http_runtime runtime_of(const struct image *image)
{
	struct http_runtime runtime = { .runner =
						image ? HTTP_RUNNER_THREAD : HTTP_RUNNER_UNKNOWN };

	if (image && gopclntab_has(image))
		runtime.runner = goroutine_offset(image, &runtime.g_offset) ? HTTP_RUNNER_GOROUTINE
									    : HTTP_RUNNER_ODD;
	return runtime;
}

static bool runs_still(uint32_t pid, const struct image *image)
{
	struct stat held, now;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	return !fstat(image->source.fd, &held) && !stat(path, &now) && held.st_ino == now.st_ino &&
	       held.st_dev == now.st_dev;
}

/* What it ran may have been replaced meanwhile: then it stays a stranger, and is looked at with its next request. */
static int look(const struct requests *requests, uint32_t pid)
{
	own(image_freep) struct image *image = program_of(pid);
	struct http_runtime runtime = runtime_of(image);
	int err = requests_runtime(requests, pid, &runtime);

	if (!err && image && !runs_still(pid, image))
		requests_forget(requests, pid);
	return err;
}

int latency_runners_meet(struct latency_runners *runners, const struct requests *requests,
			 uint32_t pid, bool is_stranger)
{
	uint64_t hash = hash_mix(1, pid);
	int err = 0;

	if (pid == runners->last && !is_stranger)
		return 0;
	if (index_find(&runners->index, hash, is_same, runners, &pid) != INDEX_NONE) {
		runners->last = pid;
		return is_stranger && !requests_knows(requests, pid) ? look(requests, pid) : 0;
	}
	if (runners->pids.len >= HTTP_PROCESSES_MAX)
		return 0;
	runners->last = pid;
	err = vec_push(&runners->pids, pid);
	err = err ?: index_add(&runners->index, hash, (uint32_t)runners->pids.len - 1);
	return err ?: look(requests, pid);
}

void latency_runners_done(struct latency_runners *runners)
{
	vec_done(&runners->pids);
	index_done(&runners->index);
}
