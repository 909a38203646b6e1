/* SPDX-License-Identifier: MIT */
#include "model/profile.h"

#include <string.h>

int profile_new(struct profile **ret_profile)
{
	own(profile_freep) struct profile *profile = calloc(1, sizeof(*profile));
	int err;

	if (!profile)
		return -ENOMEM;
	err = vec_push(&profile->stacks, { 0 }); /* the empty stack */
	if (err)
		return err;
	*ret_profile = take(profile);
	return 0;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	strings_done(&profile->text);
	vec_done(&profile->files);
	vec_done(&profile->processes);
	vec_done(&profile->tasks);
	vec_done(&profile->frames);
	vec_done(&profile->names);
	vec_done(&profile->stacks);
	vec_done(&profile->entries);
	vec_done(&profile->moments);
	index_done(&profile->file_index);
	index_done(&profile->task_index);
	index_done(&profile->frame_index);
	index_done(&profile->stack_index);
	index_done(&profile->entry_index);
	coverage_done(&profile->coverage);
	quality_done(&profile->quality);
	free(profile);
}

int profile_add_text(struct profile *profile, const char *text, uint32_t *ret_id)
{
	return strings_add(&profile->text, text, SIZE_MAX, ret_id);
}

/* Looks an entry up in one of the arrays, appends it where it is missing. */
#define add(profile, array, index, hash, same, max, value, ret_id)                           \
	({                                                                                   \
		uint32_t id_ = index_find(&(profile)->index, hash, same, profile, &(value)); \
		int err_ = 0;                                                                \
		if (id_ == INDEX_NONE) {                                                     \
			id_ = (uint32_t)(profile)->array.len;                                \
			if ((profile)->array.len >= (max))                                   \
				err_ = -E2BIG;                                               \
			err_ = err_ ?: vec_reserve(&(profile)->array, 1);                    \
			err_ = err_ ?: index_add(&(profile)->index, hash, id_);              \
			if (!err_)                                                           \
				(profile)->array.data[(profile)->array.len++] = (value);     \
		}                                                                            \
		if (!err_)                                                                   \
			*(ret_id) = id_;                                                     \
		err_;                                                                        \
	})

static bool file_same(const void *owner, uint32_t entry, const void *key)
{
	const struct file *have = &((const struct profile *)owner)->files.data[entry], *file = key;

	return have->inode == file->inode && have->device == file->device &&
	       have->generation == file->generation && have->path == file->path;
}

int profile_add_file(struct profile *profile, const struct file *file, uint32_t *ret_id)
{
	uint64_t hash = hash_mix(hash_mix(file->inode, file->device), file->path);

	hash = hash_mix(hash, file->generation);
	return add(profile, files, file_index, hash, file_same, UINT32_MAX - 1, *file, ret_id);
}

int profile_add_process(struct profile *profile, const struct process *process, uint32_t *ret_id)
{
	int err = vec_push(&profile->processes, *process);

	if (!err)
		*ret_id = (uint32_t)profile->processes.len - 1;
	return err;
}

static bool task_same(const void *owner, uint32_t entry, const void *key)
{
	const struct task *have = &((const struct profile *)owner)->tasks.data[entry], *task = key;

	return have->process == task->process && have->tid == task->tid && have->name == task->name;
}

int profile_add_task(struct profile *profile, const struct task *task, uint32_t *ret_id)
{
	uint64_t hash = hash_mix(hash_mix(task->tid, task->process), task->name);

	return add(profile, tasks, task_index, hash, task_same, UINT32_MAX - 1, *task, ret_id);
}

static bool frame_same(const void *owner, uint32_t entry, const void *key)
{
	const struct frame *have = &((const struct profile *)owner)->frames.data[entry],
			   *frame = key;

	return have->address == frame->address && have->origin == frame->origin &&
	       have->kind == frame->kind && have->is_return_address == frame->is_return_address;
}

int profile_add_frame(struct profile *profile, const struct frame *frame, uint32_t *ret_id)
{
	uint64_t hash = hash_mix(hash_mix(frame->address, frame->origin),
				 frame->kind << 1 | frame->is_return_address);

	return add(profile, frames, frame_index, hash, frame_same, UINT32_MAX - 1, *frame, ret_id);
}

static bool stack_same(const void *owner, uint32_t entry, const void *key)
{
	const struct stack *have = &((const struct profile *)owner)->stacks.data[entry],
			   *stack = key;

	return have->parent == stack->parent && have->frame == stack->frame;
}

static uint64_t stack_hash(const struct stack *stack)
{
	return hash_mix(1, (uint64_t)stack->parent << 32 | stack->frame);
}

static int index_appended(struct profile *profile)
{
	int err = 0;

	for (; !err && profile->appended; profile->appended--) {
		size_t next = profile->stacks.len - profile->appended;

		err = index_add(&profile->stack_index, stack_hash(&profile->stacks.data[next]),
				(uint32_t)next);
	}
	return err;
}

int profile_append_stack(struct profile *profile, uint32_t parent, uint32_t frame, uint32_t *ret_id)
{
	int err = profile->stacks.len < PROFILE_MAX_STACKS ? 0 : -E2BIG;

	err = err ?: vec_push(&profile->stacks, { parent, frame });
	if (err)
		return err;
	*ret_id = (uint32_t)profile->stacks.len - 1;
	profile->appended++;
	return 0;
}

int profile_add_stack(struct profile *profile, uint32_t parent, uint32_t frame, uint32_t *ret_id)
{
	struct stack stack = { parent, frame };
	uint64_t hash = stack_hash(&stack);
	int err = index_appended(profile);

	if (err)
		return err;
	return add(profile, stacks, stack_index, hash, stack_same, PROFILE_MAX_STACKS, stack,
		   ret_id);
}

static bool entry_same(const void *owner, uint32_t number, const void *key)
{
	const struct entry *have = &((const struct profile *)owner)->entries.data[number],
			   *entry = key;

	return have->task == entry->task && have->stack == entry->stack;
}

int profile_count(struct profile *profile, uint32_t task, uint32_t stack, uint64_t samples,
		  uint64_t weight_ns)
{
	struct entry entry = { task, stack, 0, 0 };
	uint64_t hash = hash_mix(1, (uint64_t)task << 32 | stack);
	uint32_t id;
	int err = add(profile, entries, entry_index, hash, entry_same, PROFILE_MAX_ENTRIES, entry,
		      &id);

	if (err)
		return err;
	profile->entries.data[id].samples += samples;
	profile->entries.data[id].weight_ns += weight_ns;
	profile->samples += samples;
	profile->weight_ns += weight_ns;
	return 0;
}

int profile_add_moment(struct profile *profile, const struct moment *moment)
{
	int err;

	if (profile->moments.len >= PROFILE_MAX_MOMENTS)
		return -E2BIG;
	err = vec_reserve(&profile->moments, 1);
	err = err ?: profile_count(profile, moment->task, moment->stack, 1, moment->weight_ns);
	if (!err)
		profile->moments.data[profile->moments.len++] = *moment;
	return err;
}

uint32_t profile_stack_depth(const struct profile *profile, uint32_t stack)
{
	uint32_t depth = 0;

	for (; stack; stack = profile->stacks.data[stack].parent)
		depth++;
	return depth;
}
