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
	size_t tries = parts > tables->max_parts ? 0 : tables->processes.len;

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

/* What a process has mapped, on its way into parts. */
struct layout {
	const struct unwind_mapping *mappings;
	size_t count;
	uint32_t pid;
	uint32_t leaves;  /* parts of mappings */
	uint32_t indexes; /* parts that find them; 0: part 0 does */
};

static struct layout lay_out(uint32_t pid, const struct unwind_mapping *mappings, size_t count)
{
	size_t leaves = (count + UNWIND_MAPPINGS_PER_PART - 1) / UNWIND_MAPPINGS_PER_PART;
	struct layout layout = { mappings, count, pid, 0, 0 };

	layout.leaves = (uint32_t)(leaves < UNWIND_PARTS_MAX ? leaves : UNWIND_PARTS_MAX);
	if (layout.leaves > UNWIND_STARTS)
		layout.indexes = (layout.leaves + UNWIND_STARTS - 1) / UNWIND_STARTS;
	return layout;
}

static uint64_t start_of_leaf(const struct layout *layout, uint32_t leaf)
{
	return layout->mappings[(size_t)leaf * UNWIND_MAPPINGS_PER_PART].start;
}

static int put_leaf(struct unwind_tables *tables, const struct layout *layout, uint32_t leaf)
{
	struct unwind_mappings_key key = { layout->pid, 1 + layout->indexes + leaf };
	size_t first = (size_t)leaf * UNWIND_MAPPINGS_PER_PART, len = layout->count - first;
	struct unwind_mappings part = { 0 };

	part.count = (u32)(len < UNWIND_MAPPINGS_PER_PART ? len : UNWIND_MAPPINGS_PER_PART);
	memcpy(part.mappings, layout->mappings + first, part.count * sizeof(*part.mappings));
	return change_part(tables, &key, &part);
}

static int put_index(struct unwind_tables *tables, const struct layout *layout, uint32_t index)
{
	struct unwind_mappings_key key = { layout->pid, 1 + index };
	struct unwind_mappings part = { 0 };
	uint32_t leaf = index * UNWIND_STARTS;

	for (; leaf < layout->leaves && part.count < UNWIND_STARTS; leaf++)
		part.starts[part.count++] = start_of_leaf(layout, leaf);
	return change_part(tables, &key, &part);
}

static int put_head(struct unwind_tables *tables, const struct layout *layout, uint64_t exec_id,
		    uint64_t exec_vm)
{
	struct unwind_mappings head = { .exec_id = exec_id, .exec_vm = exec_vm };
	struct unwind_mappings_key key = { layout->pid, 0 };
	uint32_t step = layout->indexes ? UNWIND_STARTS : 1;

	head.indexes = layout->indexes;
	for (uint32_t leaf = 0; leaf < layout->leaves; leaf += step)
		head.starts[head.count++] = start_of_leaf(layout, leaf);
	return change_part(tables, &key, &head);
}

int unwind_tables_map(struct unwind_tables *tables, uint32_t pid, uint64_t exec_id,
		      uint64_t exec_vm, const struct unwind_mapping *mappings, size_t count)
{
	struct layout layout = lay_out(pid, mappings, count);
	uint32_t parts = 1 + layout.indexes + layout.leaves;
	struct process *process;
	int err = need_process(tables, pid, &process);

	if (err)
		return err;
	drop(tables, process);
	err = make_room(tables, parts);
	for (uint32_t i = 0; !err && i < layout.leaves; i++)
		err = put_leaf(tables, &layout, i);
	for (uint32_t i = 0; !err && i < layout.indexes; i++)
		err = put_index(tables, &layout, i);
	err = err ?: put_head(tables, &layout, exec_id, exec_vm); /* last: it makes them valid */
	process->parts = parts;
	tables->parts += parts;
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
