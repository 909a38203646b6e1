/* SPDX-License-Identifier: MIT */
#include "report/programs.h"

#include <string.h>

#include "base/hash.h"

/* How deep the tree may be before the rest counts for its last row. */
#define DEPTH_MAX 64

struct builder {
	const struct account *account;
	struct index index;
	vec(struct program_row) rows;
	vec(uint32_t) row_of; /* by process */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

struct row_key {
	const char *name;
	uint32_t parent;
};

static bool is_row(const void *owner, uint32_t entry, const void *key)
{
	const struct program_row *row = &((const struct builder *)owner)->rows.data[entry];
	const struct row_key *wanted = key;

	return row->parent == wanted->parent && strcmp(row->name, wanted->name) == 0;
}

static int find_row(struct builder *builder, const struct row_key *key, uint32_t *ret_row)
{
	uint64_t hash = hash_mix(hash_bytes(key->name, strlen(key->name), 1), key->parent);
	uint32_t found = index_find(&builder->index, hash, is_row, builder, key);
	int err = 0;

	if (found == INDEX_NONE) {
		found = (uint32_t)builder->rows.len;
		err = vec_push(&builder->rows, { .name = key->name, .parent = key->parent });
		err = err ?: index_add(&builder->index, hash, found);
		if (!err && key->parent != ACCOUNT_NONE)
			builder->rows.data[found].depth = builder->rows.data[key->parent].depth + 1;
	}
	*ret_row = found;
	return err;
}

/* The row of a process, after those of its parents.  Parents may have a larger number. */
static int place(struct builder *builder, uint32_t number, unsigned depth, uint32_t *ret_row)
{
	const struct account_process *process = &builder->account->processes.data[number];
	struct row_key key = { base_name(account_name(builder->account, process)), ACCOUNT_NONE };
	int err = 0;

	if (builder->row_of.data[number] != ACCOUNT_NONE) {
		*ret_row = builder->row_of.data[number];
		return 0;
	}
	if (process->parent != ACCOUNT_NONE && process->parent != number && depth < DEPTH_MAX)
		err = place(builder, process->parent, depth + 1, &key.parent);
	err = err ?: find_row(builder, &key, ret_row);
	if (!err)
		builder->row_of.data[number] = *ret_row;
	return err;
}

static int add_all(struct builder *builder)
{
	const struct account *account = builder->account;
	uint32_t row;
	int err;

	for (uint32_t i = 0; i < account->processes.len; i++) {
		const struct account_process *process = &account->processes.data[i];
		struct program_row *sum;

		if (!process->threads)
			continue; /* it is known by its children alone */
		err = place(builder, i, 0, &row);
		if (err)
			return err;
		sum = &builder->rows.data[row];
		sum->count++;
		sum->failed += process->has_status && process->status != 0;
		times_add(&sum->times, &process->times);
		if (process->has_rss && process->rss_peak_bytes > sum->rss_peak_bytes)
			sum->rss_peak_bytes = process->rss_peak_bytes;
	}
	return 0;
}

/* Rows in the order of a tree: the children of a row directly behind it, the longest first. */
static int put_below(struct builder *builder, uint32_t parent, unsigned depth,
		     struct programs *programs)
{
	vec(uint32_t) children = { 0 };
	int err = 0;

	for (uint32_t i = 0; !err && i < builder->rows.len; i++) {
		size_t at = children.len;

		if (builder->rows.data[i].parent != parent)
			continue;
		err = vec_push(&children, i);
		for (; !err && at &&
		       builder->rows.data[children.data[at - 1]].times.life <
			       builder->rows.data[i].times.life;
		     at--)
			children.data[at] = children.data[at - 1];
		if (!err)
			children.data[at] = i;
	}
	for (size_t i = 0; !err && i < children.len; i++) {
		err = vec_push(&programs->rows, builder->rows.data[children.data[i]]);
		if (!err && depth < DEPTH_MAX)
			err = put_below(builder, children.data[i], depth + 1, programs);
	}
	vec_done(&children);
	return err;
}

int programs_make(const struct account *account, struct programs *ret_programs)
{
	struct builder builder = { .account = account };
	int err = vec_reserve(&builder.row_of, account->processes.len + 1);

	*ret_programs = (struct programs){ 0 };
	for (size_t i = 0; !err && i < account->processes.len; i++)
		builder.row_of.data[builder.row_of.len++] = ACCOUNT_NONE;
	err = err ?: add_all(&builder);
	err = err ?: put_below(&builder, ACCOUNT_NONE, 0, ret_programs);
	index_done(&builder.index);
	vec_done(&builder.rows);
	vec_done(&builder.row_of);
	return err;
}

void programs_done(struct programs *programs)
{
	vec_done(&programs->rows);
}
