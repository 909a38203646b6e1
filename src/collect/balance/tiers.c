/* SPDX-License-Identifier: MIT */
#include "collect/balance/tiers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/error.h"

#include "probe/event.wire.h"

#include "collect/balance/files.skel.h"
#include "collect/balance/syscalls.skel.h"
#include "collect/rights.h"

#define PATH_MAX_BYTES 4096
#define COST_CALLS     2000 /* of a round that tells what a system call costs */
#define COST_ROUNDS    9    /* of which the fastest counts */

static int share_map(struct bpf_object *object, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? bpf_map__reuse_fd(map, fd) : -ENOENT;
}

/* Opens an object, gives it the maps of the balance, and loads the programs that are wanted. */
static int load(struct bpf_object **ret_object, const void *bytes, size_t size,
		const struct balance_programs *programs, const char *const *without)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "tier");
	struct bpf_object *object = bpf_object__open_mem(bytes, size, &options);
	int err = object ? 0 : -errno;

	*ret_object = object;
	for (; !err && *without; without++)
		err = bpf_program__set_autoload(bpf_object__find_program_by_name(object, *without),
						false);
	err = err ?: share_map(object, "cells", programs->cells);
	err = err ?: share_map(object, "members", programs->members);
	err = err ?: bpf_object__load(object);
	return err ? rights_fail_load(err, "the programs at system calls") : 0;
}

static int map_of(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static bool is_path(const void *owner, uint32_t entry, const void *key)
{
	return memcmp(&((const struct tiers *)owner)->path_rows.data[entry].key, key,
		      sizeof(struct balance_file_key)) == 0;
}

static uint64_t hash_key(const struct balance_file_key *key)
{
	return hash_mix(hash_mix(1, key->inode), key->device);
}

/* "c\0b\0a\0" as "/a/b/c".  Return: its length; 0: it is no path */
static size_t turn_path(const char *parts, size_t len, char path[PATH_MAX_BYTES])
{
	size_t used = 0;

	while (len) {
		size_t begin = len - 1, part;

		while (begin && parts[begin - 1] != '\0')
			begin--;
		part = strnlen(parts + begin, len - begin);
		if (used + part + 2 > PATH_MAX_BYTES)
			break;
		path[used++] = '/';
		memcpy(path + used, parts + begin, part);
		used += part;
		len = begin;
	}
	return used;
}

static int take_path(struct tiers *tiers, const struct balance_path *record, size_t len)
{
	struct tier_path row = { record->key, 0 };
	char path[PATH_MAX_BYTES];
	size_t used;
	int err;

	if (record->at > len || record->bytes > len - record->at)
		return 0;
	used = turn_path((const char *)record + record->at, record->bytes, path);
	err = account_path(tiers->account, path, used, &row.text);
	if (err)
		return err == -E2BIG ? 0 : err;
	err = index_add(&tiers->path_index, hash_key(&row.key), (uint32_t)tiers->path_rows.len);
	return err ?: vec_push(&tiers->path_rows, row);
}

static int on_path(void *context, void *data, size_t len)
{
	struct tiers *tiers = context;

	if (len >= sizeof(struct balance_path))
		tiers->drain_err = take_path(tiers, data, len);
	return tiers->drain_err;
}

int tiers_open(struct tiers *tiers, struct account *account,
	       const struct balance_programs *programs, bool syscalls, bool latency, bool files)
{
	static const char *const counting[] = { "syscalls_enter", "syscalls_exit", NULL };
	static const char *const timing[] = { "syscalls_count", NULL };
	static const char *const nothing[] = { NULL };
	const void *bytes;
	size_t size;
	int err = 0;

	tiers->account = account;
	tiers->latency = latency;
	if (syscalls) {
		bytes = collect_balance_syscalls__elf_bytes(&size);
		err = load(&tiers->syscalls, bytes, size, programs, latency ? timing : counting);
	}
	if (!err && files) {
		bytes = collect_balance_files__elf_bytes(&size);
		err = load(&tiers->files, bytes, size, programs, nothing);
		if (!err) {
			tiers->paths = ring_buffer__new(map_of(tiers->files, "events"), on_path,
							tiers, NULL);
			err = tiers->paths ? 0 : fail(-errno, "cannot map the ring of paths: %m");
		}
	}
	return err;
}

static int attach_all(struct tiers *tiers, struct bpf_object *object)
{
	struct bpf_program *program;

	if (!object)
		return 0;
	bpf_object__for_each_program(program, object) {
		const char *section = bpf_program__section_name(program);
		const char *tracepoint = strchr(section, '/');
		int fd = bpf_program__fd(program);

		if (fd < 0 || !tracepoint)
			continue;
		fd = bpf_raw_tracepoint_open(tracepoint + 1, fd);
		if (fd < 0)
			return fail(fd, "cannot attach to tracepoint '%s': %m", tracepoint + 1);
		if (vec_push(&tiers->links, fd)) {
			close(fd);
			return -ENOMEM;
		}
	}
	return 0;
}

/* ns that a system call of ours takes; we are a bystander, too. */
static double call_cost(void)
{
	uint64_t best = UINT64_MAX;

	for (int round = 0; round < COST_ROUNDS; round++) {
		uint64_t began = clock_mono_ns(), took;

		for (int i = 0; i < COST_CALLS; i++)
			syscall(SYS_getppid);
		took = clock_mono_ns() - began;
		if (took < best)
			best = took;
	}
	return (double)best / COST_CALLS;
}

int tiers_start(struct tiers *tiers)
{
	double before, after;
	int err;

	if (!tiers->syscalls && !tiers->files)
		return 0;
	before = call_cost();
	err = attach_all(tiers, tiers->syscalls);
	err = err ?: attach_all(tiers, tiers->files);
	after = call_cost();
	tiers->account->bystander_ns = after > before ? (uint64_t)(after - before + 0.5) : 0;
	return err;
}

int tiers_drain(struct tiers *tiers)
{
	int err = 0;

	if (tiers->paths)
		err = ring_buffer__consume(tiers->paths);
	if (tiers->drain_err)
		return tiers->drain_err;
	return err < 0 ? fail(err, "cannot read the ring of paths: %m") : 0;
}

void tiers_stop(struct tiers *tiers)
{
	vec_each(fd, &tiers->links)
		close(*fd);
	tiers->links.len = 0;
}

static int take_syscalls(struct tiers *tiers)
{
	int cpus = libbpf_num_possible_cpus(), map = map_of(tiers->syscalls, "syscalls");
	own(freep) struct balance_syscall *each =
		cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	int err = each ? 0 : -ENOMEM;

	for (u32 number = 0; !err && number < BALANCE_CALLS; number++) {
		struct account_syscall row = { .number = number };

		if (bpf_map_lookup_elem(map, &number, each))
			continue;
		for (int i = 0; i < cpus; i++) {
			row.count += each[i].count;
			row.errors += each[i].errors;
			row.total_ns += each[i].total;
			if (each[i].most > row.max_ns)
				row.max_ns = each[i].most;
			for (int j = 0; j < ACCOUNT_LOG2; j++)
				row.latency[j] += each[i].latency[j];
		}
		if (row.count)
			err = vec_push(&tiers->account->syscalls, row);
	}
	return err;
}

static int take_process_calls(struct tiers *tiers)
{
	int map = map_of(tiers->syscalls, "process_calls"), err = 0;
	struct balance_process_call_key key, *last = NULL;
	struct balance_process_call call;

	for (; !err && bpf_map_get_next_key(map, last, &key) == 0; last = &key) {
		struct account_process_call row = { .number = key.number };

		if (bpf_map_lookup_elem(map, &key, &call))
			continue;
		err = account_process(tiers->account, key.pid, key.process, &row.process);
		if (err == -E2BIG) {
			err = 0;
			continue;
		}
		row.count = call.count;
		row.errors = call.errors;
		row.total_ns = call.total;
		err = err ?: vec_push(&tiers->account->process_calls, row);
	}
	return err;
}

static int take_errors(struct tiers *tiers)
{
	int map = map_of(tiers->syscalls, "errors"), err = 0;
	struct balance_error_key key, *last = NULL;
	u64 count;

	for (; !err && bpf_map_get_next_key(map, last, &key) == 0; last = &key)
		if (bpf_map_lookup_elem(map, &key, &count) == 0)
			err = vec_push(&tiers->account->errors,
				       { key.number, (int)key.error, count });
	return err;
}

static int take_files(struct tiers *tiers)
{
	int map = map_of(tiers->files, "files"), err = 0;
	struct balance_file_key key, *last = NULL;
	struct balance_file file;
	uint32_t nameless, found;

	err = account_text(tiers->account, "", 0, &nameless);
	if (err)
		return err;
	for (; !err && bpf_map_get_next_key(map, last, &key) == 0; last = &key) {
		struct account_file row = { .path = nameless,
					    .device = key.device,
					    .inode = key.inode };

		if (bpf_map_lookup_elem(map, &key, &file))
			continue;
		found = index_find(&tiers->path_index, hash_key(&key), is_path, tiers, &key);
		if (found != INDEX_NONE)
			row.path = tiers->path_rows.data[found].text;
		row.read_bytes = file.read;
		row.written_bytes = file.written;
		row.reads = file.reads;
		row.writes = file.writes;
		row.filled_pages = file.filled;
		row.dirtied_pages = file.dirtied;
		err = vec_push(&tiers->account->files, row);
	}
	return err;
}

static int take_misses(struct tiers *tiers)
{
	int map = map_of(tiers->files, "misses"), err = 0;
	struct balance_miss_key key, *last = NULL;
	u64 count;

	for (; !err && bpf_map_get_next_key(map, last, &key) == 0; last = &key) {
		struct account_miss row = { .error = (int)key.error };

		if (bpf_map_lookup_elem(map, &key, &count))
			continue;
		row.count = count;
		err = account_path(tiers->account, key.path, strnlen(key.path, sizeof(key.path)),
				   &row.path);
		err = err ?: vec_push(&tiers->account->misses, row);
	}
	return err;
}

/* A counter among the variables of an object, by its place in them. */
static uint64_t variable_of(const struct bpf_object *object, const char *map_name, size_t at)
{
	int map = map_of(object, map_name);
	u64 values[64] = { 0 };
	struct bpf_map_info info = { 0 };
	u32 len = sizeof(info), zero = 0;

	if (map < 0 || bpf_obj_get_info_by_fd(map, &info, &len) || info.value_size > sizeof(values))
		return 0;
	if (bpf_map_lookup_elem(map, &zero, values))
		return 0;
	return at < array_len(values) ? values[at] : 0;
}

static int report_refused(struct tiers *tiers)
{
	struct coverage *coverage = &tiers->account->coverage;
	uint64_t at = tiers->account->ended_mono_ns;
	int err = 0;

	if (tiers->syscalls)
		err = coverage_lose(coverage, "system calls: too many to list by process or errno",
				    variable_of(tiers->syscalls, ".bss", 0) +
					    variable_of(tiers->syscalls, ".bss", 1),
				    at);
	if (!err && tiers->files && tiers->account->files.len >= BALANCE_FILES_MAX)
		err = coverage_lose(coverage, "files: too many", 1, at);
	if (!err && tiers->files && tiers->account->misses.len >= BALANCE_MISSES_MAX)
		err = coverage_lose(coverage, "paths that were looked for in vain: too many", 1,
				    at);
	return err;
}

int tiers_finish(struct tiers *tiers)
{
	int err = tiers_drain(tiers);

	if (tiers->syscalls) {
		err = err ?: take_syscalls(tiers);
		err = err ?: take_process_calls(tiers);
		err = err ?: take_errors(tiers);
		tiers->account->has_syscalls = true;
		tiers->account->has_latency = tiers->latency;
	}
	if (tiers->files) {
		err = err ?: take_files(tiers);
		err = err ?: take_misses(tiers);
		tiers->account->has_files = true;
	}
	return err ?: report_refused(tiers);
}

void tiers_close(struct tiers *tiers)
{
	tiers_stop(tiers);
	vec_done(&tiers->links);
	vec_done(&tiers->path_rows);
	index_done(&tiers->path_index);
	ring_buffer__free(tiers->paths);
	bpf_object__close(tiers->syscalls);
	bpf_object__close(tiers->files);
}
