/* SPDX-License-Identifier: MIT */
#include "collect/unwind_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"

#define ELEMENT_BYTES 2112u /* of kernel memory for one: 2,040, and at most two times two buckets */
#define ELEMENTS_MAX  (1u << 20)
#define PARTS_SHARE   8u /* one in so many elements is for mappings */

struct process {
	uint32_t pid;
	uint32_t parts; /* with part 0; 0: gone */
};

struct unwind_tables {
	int blocks_fd, mappings_fd;
	int blocks_mirror, mappings_mirror; /* -1: none */
	size_t max_blocks, max_parts, parts;
	vec(struct unwind_block_key) blocks; /* that are in the map */
	size_t hand;                         /* of the clock that goes around them */
	vec(struct process) processes;
	struct index by_pid;
	size_t oldest; /* where to look for a process to forget */
	struct unwind_tables_figures figures;
};

struct unwind_tables_size unwind_tables_size(size_t max_bytes)
{
	size_t elements = max_bytes / ELEMENT_BYTES;
	struct unwind_tables_size size;

	elements = elements < ELEMENTS_MAX ? elements : ELEMENTS_MAX;
	size.parts = (uint32_t)(elements / PARTS_SHARE);
	size.blocks = (uint32_t)elements - size.parts;
	return size;
}

int unwind_tables_new(int blocks_fd, int mappings_fd, size_t max_bytes,
		      struct unwind_tables **ret_tables)
{
	struct unwind_tables *tables = calloc(1, sizeof(*tables));
	struct unwind_tables_size size = unwind_tables_size(max_bytes);

	if (!tables)
		return -ENOMEM;
	tables->blocks_fd = blocks_fd;
	tables->mappings_fd = mappings_fd;
	tables->blocks_mirror = tables->mappings_mirror = -1;
	tables->max_parts = size.parts;
	tables->max_blocks = size.blocks;
	*ret_tables = tables;
	return 0;
}

void unwind_tables_mirror(struct unwind_tables *tables, int blocks_fd, int mappings_fd)
{
	tables->blocks_mirror = blocks_fd;
	tables->mappings_mirror = mappings_fd;
	tables->max_blocks /= 2;
	tables->max_parts /= 2;
}

/* Changes an element of a map and of its mirror; @value NULL deletes.  Return: 0; -errno */
static int change(int map, int mirror, const void *key, const void *value, uint64_t flags)
{
	int err =
		value ? bpf_map_update_elem(map, key, value, flags) : bpf_map_delete_elem(map, key);

	if (err)
		err = -errno;
	if (mirror >= 0 && value)
		bpf_map_update_elem(mirror, key, value, BPF_ANY);
	else if (mirror >= 0)
		bpf_map_delete_elem(mirror, key);
	return err;
}

static int change_block(struct unwind_tables *tables, const struct unwind_block_key *key,
			const struct unwind_block *block, uint64_t flags)
{
	return change(tables->blocks_fd, tables->blocks_mirror, key, block, flags);
}

static int change_part(struct unwind_tables *tables, const struct unwind_mappings_key *key,
		       const struct unwind_mappings *part)
{
	return change(tables->mappings_fd, tables->mappings_mirror, key, part, BPF_ANY);
}

void unwind_tables_free(struct unwind_tables *tables)
{
	if (!tables)
		return;
	vec_done(&tables->blocks);
	vec_done(&tables->processes);
	index_done(&tables->by_pid);
	free(tables);
}

int unwind_tables_get(const struct unwind_tables *tables, struct unwind_block_key key,
		      struct unwind_block *block)
{
	return bpf_map_lookup_elem(tables->blocks_fd, &key, block) ? -errno : 0;
}

/* Takes one block out.  Return: 0; -E2BIG when there is none */
static int evict(struct unwind_tables *tables)
{
	struct unwind_block block;

	for (size_t tries = 2 * tables->blocks.len; tries > 0; tries--) {
		struct unwind_block_key *key;

		if (tables->hand >= tables->blocks.len)
			tables->hand = 0;
		key = &tables->blocks.data[tables->hand];
		if (bpf_map_lookup_elem(tables->blocks_fd, key, &block) == 0 && block.used) {
			block.used = 0;
			change_block(tables, key, &block, BPF_EXIST);
			tables->hand++;
			continue;
		}
		change_block(tables, key, NULL, 0);
		*key = tables->blocks.data[--tables->blocks.len];
		tables->figures.blocks_evicted++;
		return 0;
	}
	return -E2BIG;
}

int unwind_tables_put(struct unwind_tables *tables, struct unwind_block_key key,
		      const struct unwind_block *block)
{
	int err = vec_reserve(&tables->blocks, 1);

	if (!err && tables->blocks.len >= tables->max_blocks)
		err = evict(tables);
	if (!err)
		err = change_block(tables, &key, block, BPF_NOEXIST);
	if (err == -EEXIST)
		return 0;
	if (err) {
		tables->figures.refused++;
		return err;
	}
	tables->blocks.data[tables->blocks.len++] = key;
	return 0;
}

static bool pid_same(const void *owner, uint32_t entry, const void *key)
{
	const struct unwind_tables *tables = owner;

	return tables->processes.data[entry].pid == *(const uint32_t *)key;
}

static struct process *find_process(const struct unwind_tables *tables, uint32_t pid)
{
	uint32_t at = index_find(&tables->by_pid, hash_mix(1, pid), pid_same, tables, &pid);

	return at == INDEX_NONE ? NULL : &tables->processes.data[at];
}

static void drop(struct unwind_tables *tables, struct process *process)
{
	struct unwind_mappings_key key = { process->pid, 0 };

	for (; key.part < process->parts; key.part++)
		change_part(tables, &key, NULL);
	tables->parts -= process->parts;
	process->parts = 0;
}

void unwind_tables_unmap(struct unwind_tables *tables, uint32_t pid)
{
	struct process *process = find_process(tables, pid);

	if (process)
		drop(tables, process);
}

/* Room for so many parts: the processes that were told first go first. */
static int make_room(struct unwind_tables *tables, size_t parts)
{
	size_t tries = tables->processes.len;

	while (tables->parts + parts > tables->max_parts && tries--) {
		if (tables->oldest >= tables->processes.len)
			tables->oldest = 0;
		drop(tables, &tables->processes.data[tables->oldest++]);
	}
	return tables->parts + parts > tables->max_parts ? -E2BIG : 0;
}

static int need_process(struct unwind_tables *tables, uint32_t pid, struct process **ret_process)
{
	int err;

	*ret_process = find_process(tables, pid);
	if (*ret_process)
		return 0;
	err = vec_push(&tables->processes, { pid, 0 });
	err = err
		      ?: index_add(&tables->by_pid, hash_mix(1, pid),
				   (uint32_t)tables->processes.len - 1);
	*ret_process = &tables->processes.data[tables->processes.len - 1];
	return err;
}

int unwind_tables_map(struct unwind_tables *tables, uint32_t pid, uint64_t exec_id,
		      uint64_t exec_vm, const struct unwind_mapping *mappings, size_t count)
{
	size_t parts = (count + UNWIND_MAPPINGS_PER_PART - 1) / UNWIND_MAPPINGS_PER_PART;
	struct unwind_mappings head = { .exec_id = exec_id, .exec_vm = exec_vm }, part = { 0 };
	struct unwind_mappings_key key = { pid, 0 };
	struct process *process;
	int err = need_process(tables, pid, &process);

	if (err)
		return err;
	drop(tables, process);
	parts = parts < UNWIND_PARTS_MAX ? parts : UNWIND_PARTS_MAX;
	err = make_room(tables, parts + 1);
	for (size_t i = 0; !err && i < parts; i++) {
		size_t first = i * UNWIND_MAPPINGS_PER_PART, len = count - first;

		part.count = (u32)(len < UNWIND_MAPPINGS_PER_PART ? len : UNWIND_MAPPINGS_PER_PART);
		memcpy(part.mappings, mappings + first, part.count * sizeof(*mappings));
		head.starts[i] = mappings[first].start;
		key.part = (u32)i + 1;
		err = change_part(tables, &key, &part);
	}
	head.count = (u32)parts;
	key.part = 0; /* last: it makes the others valid */
	err = err ?: change_part(tables, &key, &head);
	process->parts = (uint32_t)parts + 1;
	tables->parts += process->parts;
	if (err) {
		drop(tables, process);
		tables->figures.refused++;
	}
	return err;
}

bool unwind_tables_is_full(const struct unwind_tables *tables)
{
	return tables->blocks.len >= tables->max_blocks;
}

struct unwind_tables_figures unwind_tables_figures(const struct unwind_tables *tables)
{
	struct unwind_tables_figures figures = tables->figures;

	figures.blocks = tables->blocks.len;
	figures.parts = tables->parts;
	return figures;
}
