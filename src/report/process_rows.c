/* SPDX-License-Identifier: MIT */
#include "report/process_rows.h"

#include <stdlib.h>

struct tree {
	const struct account *account;
	uint32_t *order;           /* all processes by birth, those of one moment by number */
	uint32_t *children, *next; /* by process: the first child, a sibling; ACCOUNT_NONE: none */
	uint32_t roots;            /* the first of them */
};

static uint64_t life_of(const struct account_process *process)
{
	return process->died_mono_ns > process->born_mono_ns
		       ? process->died_mono_ns - process->born_mono_ns
		       : 0;
}

static int by_birth(const void *a, const void *b, void *context)
{
	const struct account_process *processes = context;
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	if (processes[one].born_mono_ns != processes[other].born_mono_ns)
		return processes[one].born_mono_ns < processes[other].born_mono_ns ? -1 : 1;
	return one < other ? -1 : one > other;
}

/* The last born is linked first, so that each list begins with the first born. */
static void link_all(struct tree *tree)
{
	const struct account *account = tree->account;
	size_t count = account->processes.len;

	for (uint32_t i = 0; i < count; i++) {
		tree->order[i] = i;
		tree->children[i] = ACCOUNT_NONE;
	}
	qsort_r(tree->order, count, sizeof(uint32_t), by_birth, account->processes.data);
	tree->roots = ACCOUNT_NONE;
	for (size_t i = count; i--;) {
		uint32_t number = tree->order[i], parent = account->processes.data[number].parent;
		bool is_root = parent == ACCOUNT_NONE || parent == number;
		uint32_t *first = is_root ? &tree->roots : &tree->children[parent];

		tree->next[number] = *first;
		*first = number;
	}
}

/* Depth first; what lives as long as @least, and of those that live exactly so long only @equals. */
static int walk(const struct tree *tree, uint64_t least, size_t equals, struct process_rows *rows)
{
	const struct account_process *processes = tree->account->processes.data;
	vec(struct process_row) todo = { 0 };
	int err = 0;

	if (tree->roots != ACCOUNT_NONE)
		err = vec_push(&todo, { tree->roots, 0 });
	while (!err && todo.len) {
		struct process_row row = todo.data[--todo.len];
		uint64_t life = life_of(&processes[row.process]);
		bool is_shown = processes[row.process].threads && life >= least;

		if (is_shown && life == least)
			is_shown = equals && equals--;
		if (tree->next[row.process] != ACCOUNT_NONE)
			err = vec_push(&todo, { tree->next[row.process], row.depth });
		if (!err && tree->children[row.process] != ACCOUNT_NONE)
			err = vec_push(&todo, { tree->children[row.process], row.depth + 1 });
		if (!err && is_shown)
			err = vec_push(&rows->rows, row);
	}
	vec_done(&todo);
	return err;
}

static int longest_first(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one > other ? -1 : one < other;
}

/* How long a process must live to be among the @max; @ret_equals: how many of just that life are. */
static int find_least(const struct account *account, size_t max, uint64_t *ret_least,
		      size_t *ret_equals, size_t *ret_left_out)
{
	vec(uint64_t) lives = { 0 };
	int err = 0;

	vec_each(process, &account->processes)
		if (!err && process->threads)
			err = vec_push(&lives, life_of(process));
	*ret_least = 0;
	*ret_equals = SIZE_MAX;
	*ret_left_out = lives.len > max ? lives.len - max : 0;
	if (!err && *ret_left_out) {
		qsort(lives.data, lives.len, sizeof(*lives.data), longest_first);
		*ret_least = lives.data[max - 1];
		*ret_equals = 0;
		for (size_t i = max; i-- && lives.data[i] == *ret_least;)
			++*ret_equals;
	}
	vec_done(&lives);
	return err;
}

int process_rows_make(const struct account *account, size_t max, struct process_rows *ret_rows)
{
	size_t count = account->processes.len + 1, equals;
	own(freep) uint32_t *memory = calloc(3 * count, sizeof(*memory));
	struct process_rows rows = { 0 };
	struct tree tree = { account, memory, memory + count, memory + 2 * count, 0 };
	uint64_t least;
	int err;

	if (!memory)
		return -ENOMEM;
	link_all(&tree);
	err = find_least(account, max, &least, &equals, &rows.left_out);
	err = err ?: walk(&tree, least, equals, &rows);
	if (err)
		process_rows_done(&rows);
	else
		*ret_rows = rows;
	return err;
}

void process_rows_done(struct process_rows *rows)
{
	vec_done(&rows->rows);
}
