/* SPDX-License-Identifier: MIT */
#include "session/latency_runners.h"

#include "base/error.h"
#include "elf/gopclntab.h"
#include "elf/goroutine.h"
#include "session/latency_files.h"

static bool is_same(const void *owner, uint32_t entry, const void *key)
{
	const struct latency_runners *runners = owner;

	return runners->pids.data[entry] == *(const uint32_t *)key;
}

/* Return: whether the program of a process could be looked at. */
static bool look(uint32_t pid, struct http_runtime *ret_runtime)
{
	own(image_freep) struct image *image = NULL;
	struct http_runtime runtime = { .runner = HTTP_RUNNER_THREAD };
	struct latency_opened opened;

	if (latency_files_of_process(pid, 0, &opened)) {
		error_clear();
		return false;
	}
	free(opened.path);
	if (image_open(opened.fd, &image)) {
		error_clear();
		return false;
	}
	if (gopclntab_has(image))
		runtime.runner = goroutine_offset(image, &runtime.g_offset) ? HTTP_RUNNER_GOROUTINE
									    : HTTP_RUNNER_ODD;
	*ret_runtime = runtime;
	return true;
}

int latency_runners_meet(struct latency_runners *runners, const struct requests *requests,
			 uint32_t pid)
{
	uint64_t hash = hash_mix(1, pid);
	struct http_runtime runtime;
	int err;

	if (pid == runners->last ||
	    index_find(&runners->index, hash, is_same, runners, &pid) != INDEX_NONE ||
	    runners->pids.len >= HTTP_PROCESSES_MAX)
		return 0;
	runners->last = pid;
	err = vec_push(&runners->pids, pid);
	err = err ?: index_add(&runners->index, hash, (uint32_t)runners->pids.len - 1);
	if (!err && look(pid, &runtime))
		err = requests_runtime(requests, pid, &runtime);
	return err;
}

void latency_runners_done(struct latency_runners *runners)
{
	vec_done(&runners->pids);
	index_done(&runners->index);
}
