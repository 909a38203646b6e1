/* SPDX-License-Identifier: MIT */
#include "store/profile_parts.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "store/reader_parts.h"

#define FEW        8 /* ways to go on from a stack are looked through, one by one */
#define SCAN_SHARE 4 /* one of so many stacks is wanted: then all are read, in their order */

int profile_parts_open(struct profile_parts *parts, struct store_reader *reader,
		       struct profile *profile)
{
	sqlite3 *database = reader_database(reader);

	*parts = (struct profile_parts){ .reader = reader, .profile = profile };
	if (sqlite3_prepare_v2(database, "SELECT frames FROM stack WHERE id = ?", -1,
			       &parts->find_stack, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(database,
			       "SELECT function, module, file, build_id, source, line, kind, flags "
			       "FROM frame WHERE id = ?",
			       -1, &parts->find_frame, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(database, "SELECT pid, tid, process, name FROM task WHERE id = ?",
			       -1, &parts->find_task, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	return 0;
}

void profile_parts_done(struct profile_parts *parts)
{
	sqlite3_finalize(parts->find_stack);
	sqlite3_finalize(parts->find_frame);
	sqlite3_finalize(parts->find_task);
	vec_done(&parts->stacks);
	vec_done(&parts->frames);
	vec_done(&parts->tasks);
	vec_done(&parts->chain);
	vec_done(&parts->before);
	vec_done(&parts->children);
	index_done(&parts->many);
	index_done(&parts->processes);
}

/* Makes room, and tells where the number of @id stands. */
static int place(void *array, int64_t id, uint32_t **ret)
{
	vec(uint32_t) *list = array;

	if (id <= 0 || id > UINT32_MAX / 2)
		return fail(-EUCLEAN, "the store has a profile that makes no sense");
	if ((size_t)id >= list->len) {
		int err = vec_reserve(list, (size_t)id + 1 - list->len);

		if (err)
			return err;
		memset(list->data + list->len, 0,
		       ((size_t)id + 1 - list->len) * sizeof(*list->data));
		list->len = (size_t)id + 1;
	}
	*ret = &list->data[id];
	return 0;
}

static int add_text(struct profile_parts *parts, int64_t id, uint32_t *ret)
{
	return profile_add_text(parts->profile, reader_text(parts->reader, id) ?: "", ret);
}

/* Return: 1 with the row; 0 there is none; -errno. */
static int find(struct profile_parts *parts, sqlite3_stmt *statement, int64_t id)
{
	int code;

	sqlite3_reset(statement);
	sqlite3_bind_int64(statement, 1, id);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return code == SQLITE_ROW;
	return database_fail(reader_database(parts->reader), "read");
}

static int load_file(struct profile_parts *parts, int64_t path, int64_t build_id, uint32_t *ret)
{
	struct file file = { 0 };
	int err = add_text(parts, path, &file.path);

	err = err ?: add_text(parts, build_id, &file.build_id);
	/* One path may have had several builds. */
	file.inode = (uint64_t)build_id;
	return err ?: profile_add_file(parts->profile, &file, ret);
}

static int load_frame(struct profile_parts *parts, int64_t id, uint32_t *ret_number)
{
	struct profile *profile = parts->profile;
	sqlite3_stmt *row = parts->find_frame;
	struct frame frame = { .name_count = 1, .first_name = (uint32_t)profile->names.len };
	struct name name = { 0 };
	int err = find(parts, row, id);

	if (err <= 0)
		return err ?: fail(-EUCLEAN, "the store lacks a frame of a profile");
	err = add_text(parts, sqlite3_column_int64(row, 0), &name.function);
	err = err ?: add_text(parts, sqlite3_column_int64(row, 1), &name.module);
	err = err ?: add_text(parts, sqlite3_column_int64(row, 4), &name.source);
	name.line = (uint32_t)sqlite3_column_int64(row, 5);
	frame.kind = (uint8_t)sqlite3_column_int64(row, 6);
	name.is_inlined = sqlite3_column_int64(row, 7) & 1;
	name.is_address = sqlite3_column_int64(row, 7) >> 1 & 1;
	if (frame.kind >= FRAME_COUNT)
		return fail(-EUCLEAN, "the store has a frame that makes no sense");
	if (!err && frame.kind == FRAME_USER)
		err = load_file(parts, sqlite3_column_int64(row, 2), sqlite3_column_int64(row, 3),
				&frame.origin);
	if (frame.kind == FRAME_MARK)
		frame.origin = name.function;
	err = err ?: vec_push(&profile->names, name);
	*ret_number = (uint32_t)profile->frames.len;
	return err ?: vec_push(&profile->frames, frame);
}

static int frame_number(struct profile_parts *parts, int64_t id, uint32_t *ret_number)
{
	uint32_t *known;
	int err = place(&parts->frames, id, &known);

	if (!err && !*known) {
		err = load_frame(parts, id, ret_number);
		if (!err)
			*known = *ret_number + 1;
	} else if (!err) {
		*ret_number = *known - 1;
	}
	return err;
}

static bool process_same(const void *owner, uint32_t entry, const void *key)
{
	const struct process *have = &((const struct profile *)owner)->processes.data[entry],
			     *process = key;

	return have->pid == process->pid && have->name == process->name;
}

static int process_number(struct profile_parts *parts, const struct process *process, uint32_t *ret)
{
	uint64_t hash = hash_mix(process->name, process->pid);
	int err;

	*ret = index_find(&parts->processes, hash, process_same, parts->profile, process);
	if (*ret != INDEX_NONE)
		return 0;
	err = profile_add_process(parts->profile, process, ret);
	return err ?: index_add(&parts->processes, hash, *ret);
}

static int load_task(struct profile_parts *parts, int64_t id, uint32_t *ret_number)
{
	sqlite3_stmt *row = parts->find_task;
	struct process process = { 0 };
	struct task task = { 0 };
	int err = find(parts, row, id);

	if (err <= 0)
		return err ?: fail(-EUCLEAN, "the store lacks a thread of a profile");
	process.pid = (uint32_t)sqlite3_column_int64(row, 0);
	task.tid = (uint32_t)sqlite3_column_int64(row, 1);
	err = add_text(parts, sqlite3_column_int64(row, 2), &process.name);
	err = err ?: add_text(parts, sqlite3_column_int64(row, 3), &task.name);
	err = err ?: process_number(parts, &process, &task.process);
	return err ?: profile_add_task(parts->profile, &task, ret_number);
}

int profile_parts_task(struct profile_parts *parts, int64_t id, uint32_t *ret_number)
{
	uint32_t *known;
	int err = place(&parts->tasks, id, &known);

	if (!err && !*known) {
		err = load_task(parts, id, ret_number);
		if (!err)
			*known = *ret_number + 1;
	} else if (!err) {
		*ret_number = *known - 1;
	}
	return err;
}

/* The frames of "[1,2,3]", root first, by their numbers in the profile. */
static int read_chain(struct profile_parts *parts, const char *text)
{
	const char *at = text ? text + 1 : "]";
	int err = 0;

	parts->chain.len = 0;
	while (!err && *at && *at != ']') {
		const char *start = at;
		int64_t id = 0;
		uint32_t frame = 0;

		for (; *at >= '0' && *at <= '9' && id <= UINT32_MAX; at++)
			id = id * 10 + (*at - '0');
		if (at == start)
			return fail(-EUCLEAN, "the store has a stack that makes no sense");
		err = frame_number(parts, id, &frame);
		err = err ?: vec_push(&parts->chain, { .frame = frame });
		at += *at == ',';
	}
	return err;
}

static bool stack_same(const void *owner, uint32_t stack, const void *key)
{
	const struct stack *have = &((const struct profile *)owner)->stacks.data[stack],
			   *wanted = key;

	return have->parent == wanted->parent && have->frame == wanted->frame;
}

static uint64_t stack_hash(const struct stack *stack)
{
	return hash_mix(1, (uint64_t)stack->parent << 32 | stack->frame);
}

/* Most stacks go on in one way: the index is for those that do in many. */
static uint32_t find_stack(const struct profile_parts *parts, const struct stack *stack)
{
	const struct profile_children *children = parts->children.data;
	uint32_t child = children[stack->parent].first;

	if (children[stack->parent].few > FEW)
		return index_find(&parts->many, stack_hash(stack), stack_same, parts->profile,
				  stack);
	while (child && parts->profile->stacks.data[child].frame != stack->frame)
		child = children[child].next;
	return child ?: INDEX_NONE;
}

/* After a stack was added: all that go on from the same, once they are many. */
static int index_children(struct profile_parts *parts, uint32_t parent)
{
	struct profile_children *children = parts->children.data;
	bool are_many = children[parent].few > FEW;
	int err = 0;

	if (!are_many && ++children[parent].few <= FEW)
		return 0;
	for (uint32_t child = children[parent].first; !err && child;
	     child = are_many ? 0 : children[child].next)
		err = index_add(&parts->many, stack_hash(&parts->profile->stacks.data[child]),
				child);
	return err;
}

static int add_stack(struct profile_parts *parts, uint32_t parent, uint32_t frame,
		     uint32_t *ret_stack)
{
	const struct stack stack = { parent, frame };
	uint32_t found = INDEX_NONE;
	int err = 0;

	if (!parts->children.len) /* of the empty stack */
		err = vec_push(&parts->children, { 0 });
	if (!err)
		found = find_stack(parts, &stack);
	if (err || found != INDEX_NONE) {
		*ret_stack = found;
		return err;
	}
	err = vec_push(&parts->children, { .next = parts->children.data[parent].first });
	err = err ?: profile_append_stack(parts->profile, parent, frame, ret_stack);
	if (err)
		return err;
	parts->children.data[parent].first = *ret_stack;
	return index_children(parts, parent);
}

/* Enters a stack.  What it has in common with the one before it is not looked for again. */
static int add_chain(struct profile_parts *parts, uint32_t *ret_number)
{
	struct profile_step *chain = parts->chain.data, *before = parts->before.data;
	size_t len = parts->chain.len, same = 0;
	uint32_t stack;
	int err = 0;

	while (same < len && same < parts->before.len && chain[same].frame == before[same].frame) {
		chain[same].stack = before[same].stack;
		same++;
	}
	stack = same ? chain[same - 1].stack : 0;
	for (; !err && same < len; same++) {
		err = add_stack(parts, stack, chain[same].frame, &stack);
		chain[same].stack = stack;
	}
	*ret_number = stack;
	parts->before.len = 0;
	if (!err) {
		typeof(parts->before) swap = parts->before;

		parts->before = parts->chain;
		parts->chain = swap;
	}
	return err;
}

static int take_stack(struct profile_parts *parts, const char *text, uint32_t *known)
{
	uint32_t number;
	int err = read_chain(parts, text);

	err = err ?: add_chain(parts, &number);
	if (!err)
		*known = number + 1;
	return err;
}

int profile_parts_stack(struct profile_parts *parts, int64_t id, uint32_t *ret_number)
{
	uint32_t *known;
	int err = place(&parts->stacks, id, &known);

	if (!err && !*known) {
		err = find(parts, parts->find_stack, id);
		if (err <= 0)
			return err ?: fail(-EUCLEAN, "the store lacks a stack of a profile");
		err = take_stack(parts, (const char *)sqlite3_column_text(parts->find_stack, 0),
				 known);
	}
	if (!err)
		*ret_number = *known - 1;
	return err;
}

int profile_parts_stacks(struct profile_parts *parts, const uint32_t *wanted, size_t len,
			 size_t count)
{
	sqlite3 *database = reader_database(parts->reader);
	sqlite3_stmt *row;
	int code = SQLITE_DONE, err = 0;
	uint32_t *known;

	if (count < len / SCAN_SHARE || !len)
		return 0;
	if (sqlite3_prepare_v2(database, "SELECT id, frames FROM stack ORDER BY id", -1, &row,
			       NULL) != SQLITE_OK)
		return database_fail(database, "read");
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(row, 0);

		if (id <= 0 || (uint64_t)id >= len || !wanted[id])
			continue;
		err = place(&parts->stacks, id, &known);
		if (!err && !*known)
			err = take_stack(parts, (const char *)sqlite3_column_text(row, 1), known);
	}
	if (!err && code != SQLITE_DONE)
		err = database_fail(database, "read");
	sqlite3_finalize(row);
	return err;
}
