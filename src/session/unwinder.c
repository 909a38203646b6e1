/* SPDX-License-Identifier: MIT */
#include "session/unwinder.h"

#include <string.h>

#include "elf/unwind_block.h"
#include "probe/stack.wire.h"

static bool read_stack(void *context, u64 address, u64 words[2]);
static u64 read_register(void *context, u32 number);
#define UNWIND_READ     read_stack
#define UNWIND_REGISTER read_register
#if defined(__aarch64__)
#define UNWIND_ARM64
#endif
#include "probe/unwind.h"

#define OPEN_MAX       24u         /* files whose call frame information is in memory */
#define OPEN_BYTES_MAX (12u << 20) /* libLLVM-14 takes 0.9 MB */
#define SEGMENTS_MAX   8u          /* executable ones of one file; linkers make one, rarely two */
#define GROUP_PAGES    8u          /* that are told at once; a power of two */
#define JOIN_ABOVE     3600u       /* mappings of a process: 120 KB of kernel memory */

struct segment {
	uint64_t offset, end; /* in the file */
	uint64_t address;
};

/* A mapped file, by identity; its number is its place. */
struct unwound {
	uint64_t device, inode;
	uint32_t path;
	struct segment segments[SEGMENTS_MAX];
	uint32_t segment_count;
	struct image *image; /* NULL: not opened yet, or it cannot be */
	struct cfi *cfi;
	uint64_t used;
	bool was_opened;
};

struct unwinder {
	struct unwind_tables *tables;
	const struct strings *paths;
	vec(struct unwound) files;
	struct index by_identity;
	vec(struct unwind_mapping) mappings; /* scratch */
	struct cfi_rows rows;                /* scratch */
	struct unwind_block block;           /* the last one that was looked into */
	struct unwind_block_key block_key;
	bool has_block;
	uint64_t uses;
	uint32_t open;
	size_t open_bytes;
	uint64_t frames[STACK_MAX_USER];
};

/* One walk. */
struct walk {
	struct unwinder *unwinder;
	const struct unwinder_task *task;
	struct unwind_regs regs;
	uint64_t stack; /* address of the first word that we have */
};

int unwinder_new(struct unwind_tables *tables, const struct strings *paths,
		 struct unwinder **ret_unwinder)
{
	struct unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (!unwinder)
		return -ENOMEM;
	unwinder->tables = tables;
	unwinder->paths = paths;
	*ret_unwinder = unwinder;
	return 0;
}

static void close_cfi(struct unwinder *unwinder, struct unwound *file)
{
	unwinder->open -= file->cfi != NULL;
	unwinder->open_bytes -= file->cfi ? cfi_bytes(file->cfi) : 0;
	cfi_close(file->cfi);
	file->cfi = NULL;
}

void unwinder_free(struct unwinder *unwinder)
{
	if (!unwinder)
		return;
	vec_each(file, &unwinder->files) {
		close_cfi(unwinder, file);
		image_free(file->image);
	}
	vec_done(&unwinder->files);
	index_done(&unwinder->by_identity);
	vec_done(&unwinder->mappings);
	vec_done(&unwinder->rows);
	free(unwinder);
}

void unwinder_forget(struct unwinder *unwinder, uint32_t kernel_pid)
{
	unwind_tables_unmap(unwinder->tables, kernel_pid);
}

static bool identity_same(const void *owner, uint32_t entry, const void *key)
{
	const struct unwound *file = &((const struct unwinder *)owner)->files.data[entry];
	const struct mapping *mapping = key;

	return file->inode == mapping->inode && file->device == mapping->device &&
	       file->path == mapping->path;
}

/* The number of a mapped file.  Return: 0; -ENOMEM */
static int need_file(struct unwinder *unwinder, const struct mapping *mapping, uint32_t *ret_file)
{
	uint64_t hash = hash_mix(hash_mix(mapping->device, mapping->inode), mapping->path);
	int err;

	*ret_file = index_find(&unwinder->by_identity, hash, identity_same, unwinder, mapping);
	if (*ret_file != INDEX_NONE)
		return 0;
	*ret_file = (uint32_t)unwinder->files.len;
	err = vec_push(
		&unwinder->files,
		{ .device = mapping->device, .inode = mapping->inode, .path = mapping->path });
	return err ?: index_add(&unwinder->by_identity, hash, *ret_file);
}

static void note_segments(struct unwound *file)
{
	vec_each(segment, &file->image->segments)
		if (segment->executable && file->segment_count < SEGMENTS_MAX)
			file->segments[file->segment_count++] = (struct segment){
				segment->offset & ~4095ull,
				segment->offset + segment->file_bytes,
				segment->address - (segment->offset & 4095),
			};
}

/* Opens a file the first time that a stack goes through it. */
static int open_image(struct unwinder *unwinder, struct unwound *file, uint32_t pid,
		      const struct mapping *mapping)
{
	struct open_mapped mapped = {
		.pid = pid,
		.start = mapping->start,
		.end = mapping->end,
		.path = strings_get(unwinder->paths, mapping->path),
		.inode = mapping->inode,
	};
	int fd, err;

	if (file->was_opened)
		return 0;
	file->was_opened = true;
	fd = mapping->kind == MAPPING_VDSO ? open_vdso() : open_mapped_file(&mapped);
	err = fd < 0 ? fd : image_open(fd, &file->image);
	if (err)
		file->image = NULL;
	else
		note_segments(file);
	return err == -ENOMEM ? err : 0;
}

/* Address less the address in the file.  Return: whether the mapping is one of the file's segments */
static bool bias_of(const struct unwound *file, const struct mapping *mapping, uint64_t *ret_bias)
{
	for (uint32_t i = 0; i < file->segment_count; i++) {
		const struct segment *segment = &file->segments[i];

		if (mapping->file_offset < segment->offset || mapping->file_offset >= segment->end)
			continue;
		*ret_bias = mapping->start -
			    (segment->address + (mapping->file_offset - segment->offset));
		return true;
	}
	return false;
}

/* As the kernel is to know a mapping: its file is opened only when a stack goes through it. */
static int describe(struct unwinder *unwinder, const struct mapping *mapping,
		    struct unwind_mapping *ret)
{
	uint32_t number;
	int err;

	*ret = (struct unwind_mapping){ mapping->start, mapping->end, 0, UNWIND_NO_FILE, 0 };
	if (mapping->kind != MAPPING_FILE && mapping->kind != MAPPING_VDSO)
		return 0;
	err = need_file(unwinder, mapping, &number);
	if (err)
		return err;
	if (!unwinder->files.data[number].was_opened)
		ret->file = UNWIND_UNOPENED;
	else if (bias_of(&unwinder->files.data[number], mapping, &ret->bias))
		ret->file = number;
	return 0;
}

/* Of a process with very many mappings, what was made at run time is told as one piece: all of it is
 * left by frame pointers, and the gaps in it hold nothing.
 */
static void join_unfiled(struct unwinder *unwinder)
{
	struct unwind_mapping *mappings = unwinder->mappings.data;
	size_t len = 0;

	if (unwinder->mappings.len <= JOIN_ABOVE)
		return;
	for (size_t i = 0; i < unwinder->mappings.len; i++) {
		if (len && mappings[i].file == UNWIND_NO_FILE &&
		    mappings[len - 1].file == UNWIND_NO_FILE)
			mappings[len - 1].end = mappings[i].end;
		else
			mappings[len++] = mappings[i];
	}
	unwinder->mappings.len = len;
}

/* Tells the kernel what the process maps now. */
static int push_mappings(struct unwinder *unwinder, const struct unwinder_task *task)
{
	const struct mapping *at = mappings_next(task->mappings, 0);
	struct unwind_mapping mapping;
	int err = 0;

	unwinder->mappings.len = 0;
	for (; !err && at; at = mappings_next(task->mappings, at->end)) {
		if (at->kind == MAPPING_SPECIAL)
			continue;
		err = describe(unwinder, at, &mapping);
		err = err ?: vec_push(&unwinder->mappings, mapping);
	}
	join_unfiled(unwinder);
	if (!err && unwinder->mappings.len)
		err = unwind_tables_map(unwinder->tables, task->kernel_pid,
					task->raw[UNWIND_RAW_EXEC_ID],
					task->raw[UNWIND_RAW_EXEC_VM], unwinder->mappings.data,
					unwinder->mappings.len);
	return err == -ENOMEM ? err : 0; /* without room, the samples keep coming raw */
}

/* The file that was used longest ago gives up what it keeps in memory. */
static void close_oldest(struct unwinder *unwinder)
{
	struct unwound *oldest = NULL;

	vec_each(file, &unwinder->files)
		if (file->cfi && (!oldest || file->used < oldest->used))
			oldest = file;
	if (oldest)
		close_cfi(unwinder, oldest);
}

/* No more memory than so, whatever the files are; the newest stays. */
static void count_open(struct unwinder *unwinder, const struct unwound *file)
{
	unwinder->open++;
	unwinder->open_bytes += cfi_bytes(file->cfi);
	while (unwinder->open > 1 && unwinder->open_bytes > OPEN_BYTES_MAX)
		close_oldest(unwinder);
}

/* Builds a block; one without rows where the file has no call frame information. */
static int build_block(struct unwinder *unwinder, struct unwind_block_key key)
{
	struct unwound *file = &unwinder->files.data[key.file];
	int err = 0;

	memset(&unwinder->block, 0, sizeof(unwinder->block));
	file->used = ++unwinder->uses;
	if (!file->cfi && file->image) {
		if (unwinder->open >= OPEN_MAX)
			close_oldest(unwinder);
		err = cfi_open(file->image, &file->cfi);
		if (!err)
			count_open(unwinder, file);
	}
	if (file->cfi)
		err = unwind_block_build(file->cfi, key.page, &unwinder->rows, &unwinder->block);
	if (err == -ENOMEM)
		return err;
	err = unwind_tables_put(unwinder->tables, key, &unwinder->block);
	return err == -ENOMEM ? err : 0;
}

/* A page, and where it has too many rows the parts that stand in for it. */
static int build_page(struct unwinder *unwinder, struct unwind_block_key key)
{
	int err = build_block(unwinder, key);
	bool is_split = !err && unwinder->block.is_split;

	for (unsigned part = 0; !err && is_split && part < 4; part++)
		err = build_page(unwinder, (struct unwind_block_key){
						   key.file, unwind_block_part(key.page, part) });
	return err;
}

/* Stacks that go through one page soon go through its neighbours.  Not at the cost of pages that they
 * did go through: a compiler in a budget of 1 MB was slowed down ten times by that.
 */
static int build_group(struct unwinder *unwinder, struct unwind_block_key key)
{
	const struct image *image = unwinder->files.data[key.file].image;
	uint32_t first = key.page & ~(GROUP_PAGES - 1);
	int err = 0;

	if (!image || unwind_block_level(key.page) || unwind_tables_is_full(unwinder->tables))
		return build_block(unwinder, key);
	for (uint32_t page = first; !err && page < first + GROUP_PAGES; page++) {
		struct unwind_block_key at = { key.file, page };
		struct unwind_block there;

		if (page != key.page && page <= unwind_page(image->end, 0u) &&
		    page >= unwind_page(image->base, 0u) &&
		    unwind_tables_get(unwinder->tables, at, &there) != 0)
			err = build_page(unwinder, at);
	}
	return err ?: build_block(unwinder, key);
}

static int need_block(struct unwinder *unwinder, struct unwind_block_key key)
{
	int err;

	if (unwinder->has_block && memcmp(&unwinder->block_key, &key, sizeof(key)) == 0)
		return 0;
	unwinder->has_block = false;
	err = unwind_tables_get(unwinder->tables, key, &unwinder->block);
	if (err)
		err = build_group(unwinder, key);
	unwinder->block_key = key;
	unwinder->has_block = err == 0;
	return err;
}

static int find_rule(struct unwinder *unwinder, uint32_t file, uint64_t address,
		     struct unwind_rule *ret_rule)
{
	struct unwind_block_key key = { file, unwind_page(address, 0u) };
	int err = need_block(unwinder, key);

	for (unsigned level = 1; !err && unwinder->block.is_split && level < UNWIND_LEVELS;
	     level++) {
		key.page = unwind_page(address, level);
		err = need_block(unwinder, key);
	}
	if (!err)
		*ret_rule = unwind_block_find(&unwinder->block, key.page, address);
	return err;
}

static bool read_stack(void *context, u64 address, u64 words[2])
{
	const struct walk *walk = context;
	uint64_t at = (address - walk->stack) / 8;
	uint32_t have = walk->task->words - UNWIND_RAW_STACK;

	if (address < walk->stack || (address & 7) || at + 1 >= have)
		return false;
	words[0] = walk->task->raw[UNWIND_RAW_STACK + at];
	words[1] = walk->task->raw[UNWIND_RAW_STACK + at + 1];
	return true;
}

static u64 read_register(void *context, u32 number)
{
	const struct walk *walk = context;

	return walk->task->raw[UNWIND_RAW_OTHERS + number];
}

/* The rule of one address.  Return: 0; 1 no code is mapped there; -ENOMEM */
static int rule_at(struct walk *walk, uint64_t look, struct unwind_rule *ret_rule)
{
	struct unwinder *unwinder = walk->unwinder;
	const struct mapping *mapping = mappings_find(walk->task->mappings, look);
	struct unwind_mapping described;
	uint32_t number;
	int err;

	*ret_rule = (struct unwind_rule){ .kind = UNWIND_NONE };
	if (!mapping)
		return 1;
	if (mapping->kind == MAPPING_FILE || mapping->kind == MAPPING_VDSO) {
		err = need_file(unwinder, mapping, &number);
		err = err
			      ?: open_image(unwinder, &unwinder->files.data[number],
					    walk->task->pid, mapping);
		if (err)
			return err;
	}
	err = describe(unwinder, mapping, &described);
	if (!err && described.file != UNWIND_NO_FILE)
		err = find_rule(unwinder, described.file, look - described.bias, ret_rule);
	return err;
}

static uint8_t stop_of(enum unwind_outcome outcome, struct unwind_rule rule, bool is_cut)
{
	if (outcome == UNWIND_AT_ROOT)
		return STACK_STOP_ROOT;
	if (outcome == UNWIND_FAULT && is_cut)
		return STACK_STOP_NO_TABLE; /* there is more of the stack, but it did not come along */
	if (outcome == UNWIND_FAULT)
		return STACK_STOP_FAULT;
	return unwind_is_hard(rule.kind) ? STACK_STOP_HARD : STACK_STOP_BAD_FRAME;
}

static int run(struct walk *walk, struct unwinder_walk *ret)
{
	const struct unwinder_task *task = walk->task;
	bool is_return = task->raw[UNWIND_RAW_IS_RETURN], by_fp = task->raw[UNWIND_RAW_BY_FP];

	ret->frames = walk->unwinder->frames;
	ret->count = task->walked;
	memcpy(ret->frames, task->frames, task->walked * sizeof(*task->frames));
	for (;;) {
		enum unwind_outcome outcome;
		struct unwind_rule rule;
		int err = rule_at(walk, walk->regs.ip - is_return, &rule);

		if (err < 0)
			return err;
		if (err > 0) {
			ret->count -= by_fp && ret->count > 1; /* it was no return address */
			ret->stop = by_fp ? STACK_STOP_BAD_FRAME : STACK_STOP_NO_CODE;
			return 0;
		}
		outcome = unwind_apply(walk, rule, &walk->regs);
		if (outcome > UNWIND_RESUMED) {
			ret->stop = stop_of(outcome, rule, task->raw[UNWIND_RAW_IS_CUT]);
			return 0;
		}
		is_return = outcome == UNWIND_CALLER;
		by_fp = rule.kind == UNWIND_NONE;
		if (ret->count == STACK_MAX_USER) {
			ret->stop = STACK_STOP_DEPTH;
			return 0;
		}
		ret->frames[ret->count++] = walk->regs.ip;
	}
}

int unwinder_complete(struct unwinder *unwinder, const struct unwinder_task *task,
		      struct unwinder_walk *ret_walk)
{
	struct walk walk = {
		.unwinder = unwinder,
		.task = task,
		.regs = { task->raw[UNWIND_RAW_IP], task->raw[UNWIND_RAW_SP],
			  task->raw[UNWIND_RAW_FP], task->raw[UNWIND_RAW_LR],
			  task->raw[UNWIND_RAW_KEPT], task->raw[UNWIND_RAW_BX] },
		.stack = task->raw[UNWIND_RAW_BASE],
	};
	int err;

	*ret_walk = (struct unwinder_walk){ 0 };
	err = run(&walk, ret_walk);
	return err || task->is_told ? err : push_mappings(unwinder, task);
}
