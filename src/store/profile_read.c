/* SPDX-License-Identifier: MIT */
#include "store/profile_read.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "store/reader_parts.h"
#include "store/slices.h"

/* Numbers of the store are dense, so what they are in the profile stands in arrays; less 1, 0: unknown. */
struct reading {
	struct store_reader *reader;
	struct profile *profile;
	sqlite3_stmt *find_stack, *find_frame, *find_task;
	vec(uint32_t) stacks, frames, tasks;
	struct task_filter filter;
	struct index processes; /* by PID and name */
	uint64_t from_unix_ns;  /* of the slice */
	int64_t last_task;      /* of the slice, and how much of its time lies before */
	uint64_t task_ns;
	bool has_any;
	struct profile_span *span; /* of two that are compared; NULL: of one */
	bool is_after;
	const struct profile_query *query;
	enum store_slice_kind kind; /* that is read */
	uint64_t min_wait_ns;       /* the greatest there was */
};

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

static int add_text(struct reading *reading, int64_t id, uint32_t *ret)
{
	return profile_add_text(reading->profile, reader_text(reading->reader, id) ?: "", ret);
}

/* Return: 1 with the row; 0 there is none; -errno. */
static int find(struct reading *reading, sqlite3_stmt *statement, int64_t id)
{
	int code;

	sqlite3_reset(statement);
	sqlite3_bind_int64(statement, 1, id);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return code == SQLITE_ROW;
	return database_fail(reader_database(reading->reader), "read");
}

static int load_file(struct reading *reading, int64_t path, int64_t build_id, uint32_t *ret)
{
	struct file file = { 0 };
	int err = add_text(reading, path, &file.path);

	err = err ?: add_text(reading, build_id, &file.build_id);
	/* One path may have had several builds. */
	file.inode = (uint64_t)build_id;
	return err ?: profile_add_file(reading->profile, &file, ret);
}

static int load_frame(struct reading *reading, int64_t id, uint32_t *ret_number)
{
	struct profile *profile = reading->profile;
	sqlite3_stmt *row = reading->find_frame;
	struct frame frame = { .name_count = 1, .first_name = (uint32_t)profile->names.len };
	struct name name = { 0 };
	int err = find(reading, row, id);

	if (err <= 0)
		return err ?: fail(-EUCLEAN, "the store lacks a frame of a profile");
	err = add_text(reading, sqlite3_column_int64(row, 0), &name.function);
	err = err ?: add_text(reading, sqlite3_column_int64(row, 1), &name.module);
	err = err ?: add_text(reading, sqlite3_column_int64(row, 4), &name.source);
	name.line = (uint32_t)sqlite3_column_int64(row, 5);
	frame.kind = (uint8_t)sqlite3_column_int64(row, 6);
	name.is_inlined = sqlite3_column_int64(row, 7) & 1;
	name.is_address = sqlite3_column_int64(row, 7) >> 1 & 1;
	if (frame.kind >= FRAME_COUNT)
		return fail(-EUCLEAN, "the store has a frame that makes no sense");
	if (!err && frame.kind == FRAME_USER)
		err = load_file(reading, sqlite3_column_int64(row, 2), sqlite3_column_int64(row, 3),
				&frame.origin);
	if (frame.kind == FRAME_MARK)
		frame.origin = name.function;
	err = err ?: vec_push(&profile->names, name);
	*ret_number = (uint32_t)profile->frames.len;
	return err ?: vec_push(&profile->frames, frame);
}

static int frame_number(struct reading *reading, int64_t id, uint32_t *ret_number)
{
	uint32_t *known;
	int err = place(&reading->frames, id, &known);

	if (!err && !*known) {
		err = load_frame(reading, id, ret_number);
		if (!err)
			*known = *ret_number + 1;
	} else if (!err) {
		*ret_number = *known - 1;
	}
	return err;
}

/* "[1,2,3]", root first */
static int load_stack(struct reading *reading, int64_t id, uint32_t *ret_number)
{
	int err = find(reading, reading->find_stack, id);
	const char *at;
	uint32_t stack = 0;

	if (err <= 0)
		return err ?: fail(-EUCLEAN, "the store lacks a stack of a profile");
	err = 0;
	at = (const char *)sqlite3_column_text(reading->find_stack, 0);
	for (at = at ? at + 1 : "]"; !err && *at && *at != ']';) {
		char *end;
		int64_t frame = strtoll(at, &end, 10);
		uint32_t number = 0;

		if (end == at)
			return fail(-EUCLEAN, "the store has a stack that makes no sense");
		err = frame_number(reading, frame, &number);
		err = err ?: profile_add_stack(reading->profile, stack, number, &stack);
		at = *end == ',' ? end + 1 : end;
	}
	*ret_number = stack;
	return err;
}

static int stack_number(struct reading *reading, int64_t id, uint32_t *ret_number)
{
	uint32_t *known;
	int err = place(&reading->stacks, id, &known);

	if (!err && !*known) {
		err = load_stack(reading, id, ret_number);
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

static int process_number(struct reading *reading, const struct process *process, uint32_t *ret)
{
	uint64_t hash = hash_mix(process->name, process->pid);
	int err;

	*ret = index_find(&reading->processes, hash, process_same, reading->profile, process);
	if (*ret != INDEX_NONE)
		return 0;
	err = profile_add_process(reading->profile, process, ret);
	return err ?: index_add(&reading->processes, hash, *ret);
}

static int load_task(struct reading *reading, int64_t id, uint32_t *ret_number)
{
	sqlite3_stmt *row = reading->find_task;
	struct process process = { 0 };
	struct task task = { 0 };
	int err = find(reading, row, id);

	if (err <= 0)
		return err ?: fail(-EUCLEAN, "the store lacks a thread of a profile");
	process.pid = (uint32_t)sqlite3_column_int64(row, 0);
	task.tid = (uint32_t)sqlite3_column_int64(row, 1);
	err = add_text(reading, sqlite3_column_int64(row, 2), &process.name);
	err = err ?: add_text(reading, sqlite3_column_int64(row, 3), &task.name);
	err = err ?: process_number(reading, &process, &task.process);
	return err ?: profile_add_task(reading->profile, &task, ret_number);
}

static int task_number(struct reading *reading, int64_t id, uint32_t *ret_number)
{
	uint32_t *known;
	int err = place(&reading->tasks, id, &known);

	if (!err && !*known) {
		err = load_task(reading, id, ret_number);
		if (!err)
			*known = *ret_number + 1;
	} else if (!err) {
		*ret_number = *known - 1;
	}
	return err;
}

/* When the samples of a slice were taken is not kept: those of a thread are laid one behind the other. */
static int take_entry(void *context, const struct pack_entry *entry)
{
	struct reading *reading = context;
	struct profile *profile = reading->profile;
	struct moment moment = { .weight_ns = entry->weight_ns };
	int err = task_number(reading, entry->task, &moment.task);

	err = err ?: stack_number(reading, entry->stack, &moment.stack);
	if (!err && reading->span) {
		reading->span->samples += entry->samples;
		reading->span->weight_ns += entry->weight_ns;
		return profile_count(profile, moment.task, moment.stack,
				     reading->is_after ? 0 : entry->weight_ns,
				     reading->is_after ? entry->weight_ns : 0);
	}
	err = err
		      ?: profile_count(profile, moment.task, moment.stack, entry->samples,
				       entry->weight_ns);
	if (err || !profile->keep_moments)
		return err;
	if (profile->moments.len == PROFILE_READ_MOMENTS)
		return fail(-E2BIG,
			    "this span has too many samples for a format that shows them in time");
	if (entry->task != reading->last_task)
		reading->task_ns = 0;
	reading->last_task = entry->task;
	reading->task_ns += entry->weight_ns;
	moment.at_mono_ns = reading->from_unix_ns - profile->started_unix_ns + reading->task_ns;
	return vec_push(&profile->moments, moment);
}

static int lose(struct reading *reading, uint64_t count)
{
	return coverage_lose(&reading->profile->coverage,
			     reading->kind == STORE_WAITS
				     ? "waits: lost while they were recorded"
				     : "samples: lost while they were recorded",
			     count, 0);
}

static int take_wait(void *context, const struct slice_wait *wait)
{
	struct reading *reading = context;

	reading->from_unix_ns = wait->from_unix_ns;
	reading->last_task = 0;
	return take_entry(reading, &wait->entry);
}

static int take_slice(void *context, const struct slice *slice)
{
	struct reading *reading = context;
	struct profile *profile = reading->profile;
	int err;

	reading->from_unix_ns = slice->from_unix_ns;
	if (slice->min_wait_ns > reading->min_wait_ns)
		reading->min_wait_ns = slice->min_wait_ns;
	/* Slices of waits lie beside those of samples: what is said once is said of those. */
	if (reading->kind == STORE_WAITS && reading->query->time == PROFILE_LIVING &&
	    reading->has_any) {
		if (reading->span)
			reading->span->lost += slice->lost;
		return lose(reading, slice->lost)
			       ?: slice_each(slice, &reading->filter, take_entry, reading);
	}
	if (reading->span) {
		reading->span->lost += slice->lost;
		reading->span->covered_ns += slice->to_unix_ns - slice->from_unix_ns;
	}
	if (!reading->has_any)
		profile->started_unix_ns = slice->from_unix_ns;
	reading->has_any = true;
	reading->last_task = 0;
	profile->duration_ns = slice->to_unix_ns - profile->started_unix_ns;
	profile->rate_hz = slice->rate_hz;
	profile->cpus = slice->cpus;
	err = lose(reading, slice->lost);
	if (!err && *slice->mode && !profile->coverage.mode)
		err = coverage_set_mode(&profile->coverage, slice->mode);
	return err ?: slice_each(slice, &reading->filter, take_entry, reading);
}

static int take_incident(void *context, const struct slice *slice, enum profile_time time,
			 const char *lacks)
{
	struct reading *reading = context;
	own(freep) char *copy = strdup(lacks);
	char *rest = copy;
	int err = copy ? take_slice(reading, slice) : -ENOMEM;

	reading->profile->time = time;
	for (char *line; !err && *lacks && (line = strsep(&rest, "\n")) != NULL;)
		err = coverage_lack(&reading->profile->coverage, line);
	return err;
}

static int find_span(void *context, const struct slice *slice, enum profile_time time,
		     const char *lacks)
{
	struct profile_query *query = context;

	(void)lacks;
	query->start_unix_ns = slice->from_unix_ns;
	query->end_unix_ns = slice->to_unix_ns;
	query->time = time;
	return 0;
}

int profile_find_incident(struct store_reader *reader, uint64_t incident,
			  struct profile_query *query)
{
	int err = slices_incident(reader, incident, find_span, query);

	query->incident = incident;
	if (err == -ENOENT) {
		err = fail(-ENOENT, "there is no profile of an incident %lu",
			   (unsigned long)incident);
		hint("/api/v1/incidents lists those that are kept, and tells why one has no profile");
	}
	return err;
}

/* All that a query asks for. */
static int read_slices(struct reading *reading, const struct profile_query *query)
{
	int err = 0;

	reading->query = query;
	if (query->incident)
		return slices_incident(reading->reader, query->incident, take_incident, reading);
	for (int kind = STORE_SAMPLES; !err && kind <= STORE_WAITS; kind++) {
		reading->kind = (enum store_slice_kind)kind;
		if (slices_wanted(query, reading->kind))
			err = slices_each(reading->reader, query, reading->kind, take_slice,
					  reading);
	}
	return err
		       ?: slices_each_wait(reading->reader, query, &reading->filter, take_wait,
					   reading);
}

static int prepare(struct reading *reading)
{
	sqlite3 *database = reader_database(reading->reader);

	if (sqlite3_prepare_v2(database, "SELECT frames FROM stack WHERE id = ?", -1,
			       &reading->find_stack, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(database,
			       "SELECT function, module, file, build_id, source, line, kind, flags "
			       "FROM frame WHERE id = ?",
			       -1, &reading->find_frame, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(database, "SELECT pid, tid, process, name FROM task WHERE id = ?",
			       -1, &reading->find_task, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	return 0;
}

static void reading_done(struct reading *reading)
{
	sqlite3_finalize(reading->find_stack);
	sqlite3_finalize(reading->find_frame);
	sqlite3_finalize(reading->find_task);
	vec_done(&reading->stacks);
	vec_done(&reading->frames);
	vec_done(&reading->tasks);
	task_filter_done(&reading->filter);
	index_done(&reading->processes);
}

/* What a reader of waits must know. */
static int cover_waits(const struct reading *reading)
{
	struct coverage *coverage = &reading->profile->coverage;
	char text[96];
	int err = 0;

	if (!slices_wanted(reading->query, STORE_WAITS))
		return 0;
	if (reading->min_wait_ns) {
		snprintf(text, sizeof(text), "waits that were shorter than %lu ms",
			 (unsigned long)(reading->min_wait_ns / NS_PER_MS));
		err = coverage_lack(coverage, text);
	}
	err = err ?: coverage_lack(coverage, "waits that have not ended");
	return err ?: coverage_lack(coverage, "waits for a CPU: 'runq' has them");
}

static int cover(struct profile *profile)
{
	int err = profile->coverage.mode
			  ? 0
			  : coverage_set_mode(&profile->coverage, "no sample in this time");

	return err
		       ?: coverage_lack(
				  &profile->coverage,
				  "when each sample was taken within its slice of time, and the CPU");
}

int profile_read(struct store_reader *reader, const struct profile_query *query, bool keep_moments,
		 struct profile **ret_profile)
{
	struct reading reading = { .reader = reader };
	uint64_t lost = 0;
	int err = profile_new(&reading.profile);

	if (err)
		return err;
	reading.profile->keep_moments = keep_moments;
	reading.profile->time = query->time;
	reader_begin(reader, PROFILE_READ_NS);
	err = prepare(&reading);
	err = err ?: task_filter_open(reader, query, &reading.filter);
	err = err ?: read_slices(&reading, query);
	err = err ?: slices_read_losses(reader, query, &lost);
	reading.profile->coverage.is_unsure = lost == STORE_LOST_UNKNOWN;
	if (!err && lost == STORE_LOST_UNKNOWN)
		err = coverage_lack(&reading.profile->coverage, PROFILE_READ_GAP);
	else if (!err)
		err = coverage_lose(&reading.profile->coverage, "samples: not written to the store",
				    lost, 0);
	reading_done(&reading);
	reader_end(reader);
	err = err ?: cover(reading.profile);
	err = err ?: cover_waits(&reading);
	if (err)
		profile_free(reading.profile);
	else
		*ret_profile = reading.profile;
	return err;
}

int profile_read_pair(struct store_reader *reader, const struct profile_query queries[2],
		      struct profile_span ret_spans[2], struct profile **ret_profile)
{
	struct reading reading = { .reader = reader };
	int err = profile_new(&reading.profile);

	if (err)
		return err;
	reader_begin(reader, PROFILE_READ_NS);
	err = prepare(&reading);
	for (int i = 0; !err && i < 2; i++) {
		uint64_t lost = 0;

		reading.span = &ret_spans[i];
		reading.is_after = i == 1;
		task_filter_done(&reading.filter);
		err = task_filter_open(reader, &queries[i], &reading.filter);
		err = err ?: read_slices(&reading, &queries[i]);
		err = err ?: slices_read_losses(reader, &queries[i], &lost);
		ret_spans[i].lost = store_lost_add(ret_spans[i].lost, lost);
	}
	reading_done(&reading);
	reader_end(reader);
	if (err)
		profile_free(reading.profile);
	else
		*ret_profile = reading.profile;
	return err;
}
