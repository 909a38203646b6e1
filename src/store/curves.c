/* SPDX-License-Identifier: MIT */
#include "store/curves.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "store/curves_levels.h"
#include "store/curves_rolled.h"
#include "store/reader_parts.h"
#include "store/slices.h"

int curves_init(struct curves *series, uint64_t start_unix_ns, uint64_t end_unix_ns,
		uint64_t step_ns)
{
	uint64_t steps = (end_unix_ns - start_unix_ns + step_ns - 1) / step_ns;

	*series = (struct curves){ .start_unix_ns = start_unix_ns, .step_ns = step_ns };
	if (steps > CURVES_MAX_STEPS) {
		int err = fail(-EINVAL, "this span has %lu steps, and %d are the most",
			       (unsigned long)steps, CURVES_MAX_STEPS);

		hint("make 'step' longer, or the span shorter");
		return err;
	}
	series->steps = steps;
	series->others = calloc(steps, sizeof(*series->others));
	return series->others ? 0 : -ENOMEM;
}

void curves_done(struct curves *series)
{
	vec_each(line, &series->lines) {
		free(line->name);
		free(line->values);
	}
	vec_done(&series->lines);
	free(series->others);
	free(series->covered_ns);
}

/* Sums by key, of a span at first, then of the heaviest by step. */
struct sum {
	uint64_t key, ns;
	struct curve *line; /* NULL: among the others */
};

struct task_row {
	bool is_known;
	uint32_t pid;
	int64_t process, thread; /* strings */
};

struct summing {
	struct store_reader *reader;
	struct curves *series;
	enum curves_key key;
	struct task_filter filter;
	sqlite3_stmt *task, *leaf;
	vec(struct task_row) tasks; /* by number */
	vec(uint64_t) leaves;       /* by number of a stack: its kind + 1; 0: not asked for yet */
	vec(struct sum) sums;
	struct index by_key;
	bool is_by_step;
	bool is_second; /* of two kinds of slices, which cover the same time */
	size_t step;    /* of the slice */
};

static bool sum_same(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct summing *)owner)->sums.data[entry].key == *(const uint64_t *)key;
}

static int find_sum(struct summing *summing, uint64_t key, struct sum **ret_sum)
{
	uint64_t hash = hash_mix(1, key);
	uint32_t at = index_find(&summing->by_key, hash, sum_same, summing, &key);
	struct sum sum = { .key = key };
	int err = 0;

	if (at == INDEX_NONE) {
		at = (uint32_t)summing->sums.len;
		err = vec_push(&summing->sums, sum);
		err = err ?: index_add(&summing->by_key, hash, at);
	}
	if (!err)
		*ret_sum = &summing->sums.data[at];
	return err;
}

static int bad_number(void)
{
	return fail(-EUCLEAN, "the store has a slice of samples that makes no sense");
}

static int task_of(struct summing *summing, int64_t id, struct task_row **ret_task)
{
	struct task_row *task;
	int err = 0, code;

	if (id <= 0 || id > INT32_MAX)
		return bad_number();
	while (!err && summing->tasks.len <= (size_t)id)
		err = vec_push(&summing->tasks, { 0 });
	if (err)
		return err;
	task = &summing->tasks.data[id];
	*ret_task = task;
	if (task->is_known)
		return 0;
	sqlite3_reset(summing->task);
	sqlite3_bind_int64(summing->task, 1, id);
	code = sqlite3_step(summing->task);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE
			       ? bad_number()
			       : database_fail(reader_database(summing->reader), "read");
	*task = (struct task_row){
		.is_known = true,
		.pid = (uint32_t)sqlite3_column_int64(summing->task, 0),
		.process = sqlite3_column_int64(summing->task, 1),
		.thread = sqlite3_column_int64(summing->task, 2),
	};
	return 0;
}

#define WAIT_MARK "[waiting"

/* What a wait is for stands in its mark. */
static uint64_t mark_of(struct summing *summing, int64_t function)
{
	const char *text = reader_text(summing->reader, function) ?: "";

	return strncmp(text, WAIT_MARK, strlen(WAIT_MARK)) == 0 ? FRAME_COUNT + (uint64_t)function
								: FRAME_MARK;
}

/* What the innermost frame of a stack is. */
static int leaf_of(struct summing *summing, int64_t id, uint64_t *ret_kind)
{
	int err = 0, code;

	if (id <= 0 || id > INT32_MAX)
		return bad_number();
	while (!err && summing->leaves.len <= (size_t)id)
		err = vec_push(&summing->leaves, 0);
	if (err)
		return err;
	if (!summing->leaves.data[id]) {
		uint64_t kind = FRAME_UNKNOWN;

		sqlite3_reset(summing->leaf);
		sqlite3_bind_int64(summing->leaf, 1, id);
		code = sqlite3_step(summing->leaf);
		if (code == SQLITE_ROW)
			kind = (uint64_t)sqlite3_column_int64(summing->leaf, 0);
		else if (code != SQLITE_DONE)
			return database_fail(reader_database(summing->reader), "read");
		if (kind >= FRAME_COUNT)
			kind = FRAME_UNKNOWN;
		if (kind == FRAME_MARK && code == SQLITE_ROW)
			kind = mark_of(summing, sqlite3_column_int64(summing->leaf, 1));
		summing->leaves.data[id] = kind + 1;
	}
	*ret_kind = summing->leaves.data[id] - 1u;
	return 0;
}

static int key_of(struct summing *summing, const struct pack_entry *entry, uint64_t *ret_key)
{
	struct task_row *task = NULL;
	int err;

	*ret_key = 0;
	if (summing->key == CURVES_ALL)
		return 0;
	if (summing->key == CURVES_KIND)
		return leaf_of(summing, entry->stack, ret_key);
	err = task_of(summing, entry->task, &task);
	if (err)
		return err;
	*ret_key = summing->key == CURVES_PID    ? task->pid
		   : summing->key == CURVES_COMM ? (uint64_t)task->process
						 : (uint64_t)task->thread;
	return 0;
}

static void add_to(struct summing *summing, struct sum *sum, uint64_t ns)
{
	if (!summing->is_by_step)
		sum->ns += ns;
	else if (sum->line)
		sum->line->values[summing->step] += ns;
	else
		summing->series->others[summing->step] += ns;
}

static int take_entry(void *context, const struct pack_entry *entry)
{
	struct summing *summing = context;
	struct sum *sum = NULL;
	uint64_t key;
	int err = key_of(summing, entry, &key);

	err = err ?: find_sum(summing, key, &sum);
	if (!err)
		add_to(summing, sum, entry->weight_ns);
	return err;
}

static int take_slice(void *context, const struct slice *slice)
{
	struct summing *summing = context;
	struct curves *series = summing->series;
	uint64_t middle = slice->from_unix_ns + (slice->to_unix_ns - slice->from_unix_ns) / 2;

	if (middle < series->start_unix_ns)
		return 0;
	summing->step = (middle - series->start_unix_ns) / series->step_ns;
	if (summing->step >= series->steps)
		return 0;
	if (summing->is_by_step && !summing->is_second)
		series->covered_ns[summing->step] += slice->to_unix_ns - slice->from_unix_ns;
	if (summing->is_by_step)
		series->lost += slice->lost;
	return slice_each(slice, &summing->filter, take_entry, summing);
}

/* A long wait has a part in each step that it lasted for. */
static int take_wait(void *context, const struct slice_wait *wait)
{
	struct summing *summing = context;
	const struct curves *series = summing->series;
	uint64_t at = wait->from_unix_ns;
	int err = 0;

	if (at < series->start_unix_ns)
		at = series->start_unix_ns;
	while (!err && at < wait->to_unix_ns) {
		struct pack_entry part = wait->entry;
		uint64_t next;

		summing->step = (at - series->start_unix_ns) / series->step_ns;
		if (summing->step >= series->steps)
			break;
		next = series->start_unix_ns + (summing->step + 1) * series->step_ns;
		if (next > wait->to_unix_ns)
			next = wait->to_unix_ns;
		part.weight_ns = next - at;
		err = take_entry(summing, &part);
		at = next;
	}
	return err;
}

static int take_all(struct summing *summing, const struct profile_query *query)
{
	int err = 0;

	for (int kind = STORE_SAMPLES; !err && kind <= STORE_WAITS; kind++) {
		summing->is_second = kind == STORE_WAITS && query->time == PROFILE_LIVING;
		if (slices_wanted(query, (enum store_slice_kind)kind))
			err = slices_each(summing->reader, query, (enum store_slice_kind)kind,
					  take_slice, summing);
	}
	return err
		       ?: slices_each_wait(summing->reader, query, &summing->filter, take_wait,
					   summing);
}

static int heavier(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

static int name_line(struct summing *summing, struct curve *line)
{
	static const char *const kinds[] = {
		[FRAME_USER] = "user",       [FRAME_KERNEL] = "kernel", [FRAME_JIT] = "jit",
		[FRAME_UNKNOWN] = "unknown", [FRAME_MARK] = "mark",
	};
	const char *text = "cpu";
	char digits[24], mark[64];

	if (summing->key == CURVES_KIND && line->key >= FRAME_COUNT) {
		/* "[waiting: disk]" without its brackets */
		text = reader_text(summing->reader, (int64_t)(line->key - FRAME_COUNT)) ?: "";
		snprintf(mark, sizeof(mark), "%.*s", (int)strcspn(text + 1, "]"), text + 1);
		text = mark;
	} else if (summing->key == CURVES_KIND) {
		text = kinds[line->key];
	} else if (summing->key == CURVES_PID) {
		/* The name that the process had last. */
		text = NULL;
		vec_each(task, &summing->tasks)
			if (task->is_known && task->pid == line->key)
				text = reader_text(summing->reader, task->process);
	} else if (summing->key != CURVES_ALL) {
		text = reader_text(summing->reader, (int64_t)line->key);
	}
	snprintf(digits, sizeof(digits), "%lu", (unsigned long)line->key);
	line->name = strdup(text ?: digits);
	return line->name ? 0 : -ENOMEM;
}

/* The heaviest get a line of their own. */
static int choose_lines(struct summing *summing, size_t most)
{
	struct curves *series = summing->series;
	int err = 0;

	if (summing->sums.len)
		qsort(summing->sums.data, summing->sums.len, sizeof(*summing->sums.data), heavier);
	index_clear(&summing->by_key);
	err = vec_reserve(&series->lines, most);
	for (size_t i = 0; !err && i < summing->sums.len; i++) {
		struct sum *sum = &summing->sums.data[i];
		struct curve line = { .key = sum->key, .total = sum->ns };

		err = index_add(&summing->by_key, hash_mix(1, sum->key), (uint32_t)i);
		if (i >= most) {
			series->others_total += sum->ns;
			series->others_count++;
			continue;
		}
		line.values = calloc(series->steps, sizeof(*line.values));
		err = err ?: line.values ? 0 : -ENOMEM;
		err = err ?: name_line(summing, &line);
		if (err) {
			free(line.values);
			break;
		}
		series->lines.data[series->lines.len] = line;
		sum->line = &series->lines.data[series->lines.len++];
	}
	return err;
}

static int prepare(struct summing *summing)
{
	sqlite3 *database = reader_database(summing->reader);

	if (sqlite3_prepare_v2(database, "SELECT pid, process, name FROM task WHERE id = ?", -1,
			       &summing->task, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(database,
			       "SELECT f.kind, f.function FROM stack k JOIN frame f ON f.id = "
			       "json_extract(k.frames, '$[#-1]') WHERE k.id = ?",
			       -1, &summing->leaf, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	return 0;
}

int curves_read_cpu(struct store_reader *reader, const struct profile_query *query,
		    enum curves_key key, size_t most, struct curves *series)
{
	struct summing summing = { .reader = reader, .series = series, .key = key };
	uint64_t lost = 0;
	int err;

	series->covered_ns = calloc(series->steps, sizeof(*series->covered_ns));
	if (!series->covered_ns)
		return -ENOMEM;
	reader_begin(reader, PROFILE_READ_NS);
	err = prepare(&summing);
	err = err ?: task_filter_open(reader, query, &summing.filter);
	err = err ?: take_all(&summing, query);
	err = err ?: choose_lines(&summing, most < CURVES_MAX_LINES ? most : CURVES_MAX_LINES);
	summing.is_by_step = true;
	err = err ?: take_all(&summing, query);
	err = err ?: slices_read_losses(reader, query, &lost);
	series->lost = store_lost_add(series->lost, lost);
	sqlite3_finalize(summing.task);
	sqlite3_finalize(summing.leaf);
	reader_end(reader);
	task_filter_done(&summing.filter);
	vec_done(&summing.tasks);
	vec_done(&summing.leaves);
	vec_done(&summing.sums);
	index_done(&summing.by_key);
	return err;
}

static bool wants_row(const struct profile_query *query, uint32_t pid, const char *comm)
{
	bool is_wanted = !query->pid_count;

	for (size_t i = 0; i < query->pid_count; i++)
		is_wanted |= query->pids[i] == pid;
	return is_wanted && (!query->comm || (comm && strcmp(query->comm, comm) == 0));
}

/* One row a process and interval; it belongs to the step in which the interval ended. */
static int take_runq(struct summing *summing, const struct profile_query *query, sqlite3_stmt *row)
{
	const struct curves *series = summing->series;
	uint64_t at = (uint64_t)sqlite3_column_int64(row, 0);
	uint32_t pid = (uint32_t)sqlite3_column_int64(row, 1);
	int64_t name = sqlite3_column_int64(row, 2);
	struct sum *sum = NULL;
	uint64_t key = summing->key == CURVES_PID    ? pid
		       : summing->key == CURVES_COMM ? (uint64_t)name
						     : 0;
	int err;

	summing->step = (at - series->start_unix_ns) / series->step_ns;
	if (summing->step >= series->steps ||
	    !wants_row(query, pid, reader_text(summing->reader, name)))
		return 0;
	err = find_sum(summing, key, &sum);
	if (!err)
		add_to(summing, sum, (uint64_t)sqlite3_column_int64(row, 3));
	return err;
}

static int take_runqs(struct summing *summing, const struct profile_query *query)
{
	sqlite3 *database = reader_database(summing->reader);
	sqlite3_stmt *row;
	int code = SQLITE_DONE, err = 0;

	if (sqlite3_prepare_v2(database,
			       "SELECT at_unix_ns, pid, comm, total_ns FROM runq_processes_row "
			       "WHERE at_unix_ns >= ? AND at_unix_ns < ?",
			       -1, &row, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_int64(row, 1, (int64_t)query->start_unix_ns);
	sqlite3_bind_int64(row, 2, (int64_t)query->end_unix_ns);
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW)
		err = take_runq(summing, query, row);
	if (!err && code != SQLITE_DONE)
		err = database_fail(database, "read");
	sqlite3_finalize(row);
	return err;
}

int curves_read_runq(struct store_reader *reader, const struct profile_query *query,
		     enum curves_key key, size_t most, struct curves *series)
{
	struct summing summing = { .reader = reader, .series = series, .key = key };
	uint64_t oldest = UINT64_MAX;
	int err;

	err = curves_read_rolled_runq(reader, query, key, most, series);
	if (err)
		return err < 0 ? err : 0;
	reader_begin(reader, PROFILE_READ_NS);
	err = take_runqs(&summing, query);
	err = err ?: choose_lines(&summing, most < CURVES_MAX_LINES ? most : CURVES_MAX_LINES);
	summing.is_by_step = true;
	err = err ?: take_runqs(&summing, query);
	err = err
		      ?: store_read_losses(reader, query->start_unix_ns, query->end_unix_ns, "runq",
					   &series->lost);
	err = err ?: curves_levels_oldest(reader, "runq_processes_row", "at_unix_ns", &oldest);
	err = err ?: curves_levels_cover(series, series->steps, oldest);
	reader_end(reader);
	vec_done(&summing.sums);
	index_done(&summing.by_key);
	return err;
}
