/* SPDX-License-Identifier: MIT */
/* profile_write.c - the samples of one slice of time: stacks and threads get numbers that last, the slice
 * is packed.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "store/profile_write.h"
#include "store/writer.h"

#define HOT_NS     (3600 * NS_PER_S) /* samples stay as rows */
#define HOT_DELETE 2000              /* of them, behind each slice */

int profile_writer_open(struct profile_writer *writer, sqlite3 *database)
{
	int err;

	writer->ids = &writer->slices;
	err = database_prepare(database,
			       "SELECT id FROM frame WHERE function = ? AND module = ? AND "
			       "file = ? AND build_id = ? AND source = ? AND line = ? AND "
			       "kind = ? AND flags = ?",
			       &writer->find_frame);

	err = err
		      ?: database_prepare(
				 database,
				 "INSERT INTO frame(function, module, file, build_id, source, "
				 "line, kind, flags) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
				 &writer->add_frame);
	err = err
		      ?: database_prepare(database,
					  "SELECT id FROM stack WHERE hash = ? AND frames = ?",
					  &writer->find_stack);
	err = err
		      ?: database_prepare(database, "INSERT INTO stack(hash, frames) VALUES(?, ?)",
					  &writer->add_stack);
	err = err
		      ?: database_prepare(database,
					  "SELECT id FROM task WHERE pid = ? AND tid = ? AND "
					  "process = ? AND name = ?",
					  &writer->find_task);
	err = err
		      ?: database_prepare(database,
					  "INSERT INTO task(pid, tid, process, name) "
					  "VALUES(?, ?, ?, ?)",
					  &writer->add_task);
	err = err
		      ?: database_prepare(
				 database,
				 "INSERT INTO profile(seq, from_unix_ns, to_unix_ns, samples, "
				 "weight_ns, lost, rate_hz, cpus, mode, data) "
				 "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				 &writer->add_profile);
	err = err
		      ?: database_prepare(
				 database,
				 "INSERT INTO wait_profile(seq, from_unix_ns, to_unix_ns, samples, "
				 "weight_ns, lost, min_wait_ns, cpus, mode, data) "
				 "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				 &writer->add_waits);
	err = err
		      ?: database_prepare(database, "INSERT INTO wait_row VALUES(?, ?, ?, ?, ?)",
					  &writer->add_wait);
	err = err
		      ?: database_prepare(database,
					  "INSERT INTO sample_row VALUES(?, ?, ?, ?, ?, ?)",
					  &writer->add_sample);
	return err
		       ?: database_prepare(
				  database,
				  "DELETE FROM sample_row WHERE rowid IN (SELECT rowid FROM "
				  "sample_row WHERE at_unix_ns < ? LIMIT ?)",
				  &writer->cool);
}

static void ids_forget(struct profile_ids *ids)
{
	ids->frames.len = ids->stacks.len = ids->tasks.len = 0;
}

static void ids_done(struct profile_ids *ids)
{
	vec_done(&ids->frames);
	vec_done(&ids->stacks);
	vec_done(&ids->tasks);
}

void profile_writer_renumber(struct profile_writer *writer)
{
	ids_forget(&writer->slices);
}

void profile_writer_forget(struct profile_writer *writer)
{
	ids_forget(&writer->slices);
	ids_forget(&writer->incident.ids);
	writer->incident.at = writer->incident.entries.len = 0;
}

void profile_drop_incident(struct profile_writer *writer)
{
	ids_done(&writer->incident.ids);
	vec_done(&writer->incident.entries);
	writer->incident.number = writer->incident.at = 0;
}

void profile_writer_done(struct profile_writer *writer)
{
	ids_done(&writer->slices);
	profile_drop_incident(writer);
	vec_done(&writer->entries);
	vec_done(&writer->chain);
	vec_done(&writer->text);
	vec_done(&writer->pack.bytes);
}

/* The id of what @find finds, else of what @add adds; both have the same parameters bound. */
static int find_or_add(sqlite3_stmt *find, sqlite3_stmt *add, int64_t *ret_id)
{
	sqlite3 *database = sqlite3_db_handle(find);
	int code = sqlite3_step(find), err = 0;

	if (code == SQLITE_ROW)
		*ret_id = sqlite3_column_int64(find, 0);
	else if (code != SQLITE_DONE)
		err = database_fail(database, "read");
	sqlite3_reset(find);
	if (err || code == SQLITE_ROW)
		return err;
	err = database_step(add);
	*ret_id = sqlite3_last_insert_rowid(database);
	return err;
}

static int text_id(struct store *store, const struct profile *profile, uint32_t text,
		   int64_t *ret_id)
{
	const char *words = profile_text(profile, text);

	return interner_id(&store->interner, words, strlen(words), ret_id);
}

static int name_id(struct store *store, const struct profile *profile, const struct frame *frame,
		   const struct name *name, int64_t *ret_id)
{
	struct profile_writer *writer = &store->profiles;
	const struct file *file =
		frame->kind == FRAME_USER ? &profile->files.data[frame->origin] : NULL;
	int64_t values[8] = {
		[5] = name->line, [6] = frame->kind, [7] = name->is_inlined | name->is_address << 1
	};
	int err = text_id(store, profile, name->function, &values[0]);

	err = err ?: text_id(store, profile, name->module, &values[1]);
	err = err ?: text_id(store, profile, file ? file->path : 0, &values[2]);
	err = err ?: text_id(store, profile, file ? file->build_id : 0, &values[3]);
	err = err ?: text_id(store, profile, name->source, &values[4]);
	for (int i = 0; i < 8; i++) {
		sqlite3_bind_int64(writer->find_frame, i + 1, values[i]);
		sqlite3_bind_int64(writer->add_frame, i + 1, values[i]);
	}
	return err ?: find_or_add(writer->find_frame, writer->add_frame, ret_id);
}

/* Appends ",12,34": the names of one frame, the outermost first. */
static int put_frame(struct store *store, const struct profile *profile, uint32_t number)
{
	struct profile_writer *writer = &store->profiles;
	const struct frame *frame = &profile->frames.data[number];
	int err = 0;

	for (uint32_t i = 0; !err && i < frame->name_count; i++) {
		uint32_t name = frame->first_name + i;
		char digits[32];
		int len;

		while (!err && writer->ids->frames.len <= name)
			err = vec_push(&writer->ids->frames, 0);
		if (!err && !writer->ids->frames.data[name])
			err = name_id(store, profile, frame, &profile->names.data[name],
				      &writer->ids->frames.data[name]);
		if (err)
			break;
		len = snprintf(digits, sizeof(digits), "%s%ld", writer->text.len > 1 ? "," : "",
			       (long)writer->ids->frames.data[name]);
		err = vec_reserve(&writer->text, (size_t)len + 1);
		if (err)
			break;
		memcpy(writer->text.data + writer->text.len, digits, (size_t)len);
		writer->text.len += (size_t)len;
	}
	return err;
}

static int stack_id(struct store *store, const struct profile *profile, uint32_t stack,
		    int64_t *ret_id)
{
	struct profile_writer *writer = &store->profiles;
	int64_t hash;
	int err = 0;

	while (!err && writer->ids->stacks.len <= stack)
		err = vec_push(&writer->ids->stacks, 0);
	if (err)
		return err;
	*ret_id = writer->ids->stacks.data[stack];
	if (*ret_id)
		return 0;
	writer->chain.len = writer->text.len = 0;
	for (uint32_t at = stack; !err && at; at = profile->stacks.data[at].parent)
		err = vec_push(&writer->chain, profile->stacks.data[at].frame);
	err = err ?: vec_push(&writer->text, '[');
	for (size_t i = writer->chain.len; !err && i-- > 0;)
		err = put_frame(store, profile, writer->chain.data[i]);
	err = err ?: vec_push(&writer->text, ']');
	if (err)
		return err;
	hash = (int64_t)hash_bytes(writer->text.data, writer->text.len, 0);
	sqlite3_bind_int64(writer->find_stack, 1, hash);
	sqlite3_bind_int64(writer->add_stack, 1, hash);
	sqlite3_bind_text(writer->find_stack, 2, writer->text.data, (int)writer->text.len,
			  SQLITE_STATIC);
	sqlite3_bind_text(writer->add_stack, 2, writer->text.data, (int)writer->text.len,
			  SQLITE_STATIC);
	err = find_or_add(writer->find_stack, writer->add_stack, ret_id);
	writer->ids->stacks.data[stack] = err ? 0 : *ret_id;
	return err;
}

static int task_id(struct store *store, const struct profile *profile, uint32_t number,
		   int64_t *ret_id)
{
	struct profile_writer *writer = &store->profiles;
	const struct task *task = &profile->tasks.data[number];
	const struct process *process = &profile->processes.data[task->process];
	int64_t values[4] = { process->pid, task->tid };
	int err = 0;

	while (!err && writer->ids->tasks.len <= number)
		err = vec_push(&writer->ids->tasks, 0);
	if (err)
		return err;
	*ret_id = writer->ids->tasks.data[number];
	if (*ret_id)
		return 0;
	err = text_id(store, profile, process->name, &values[2]);
	err = err ?: text_id(store, profile, task->name, &values[3]);
	for (int i = 0; i < 4; i++) {
		sqlite3_bind_int64(writer->find_task, i + 1, values[i]);
		sqlite3_bind_int64(writer->add_task, i + 1, values[i]);
	}
	err = err ?: find_or_add(writer->find_task, writer->add_task, ret_id);
	writer->ids->tasks.data[number] = err ? 0 : *ret_id;
	return err;
}

static int add_samples(struct store *store, const struct store_slice *slice)
{
	sqlite3_stmt *add = store->profiles.add_sample, *cool = store->profiles.cool;
	int err = 0;

	vec_each(entry, &store->profiles.entries) {
		sqlite3_bind_int64(add, 1, (int64_t)store->next_seq);
		sqlite3_bind_int64(add, 2, (int64_t)slice->to_unix_ns);
		sqlite3_bind_int64(add, 3, entry->task);
		sqlite3_bind_int64(add, 4, entry->stack);
		sqlite3_bind_int64(add, 5, (int64_t)entry->samples);
		sqlite3_bind_int64(add, 6, (int64_t)entry->weight_ns);
		err = err ?: database_step(add);
	}
	sqlite3_bind_int64(cool, 1, (int64_t)(slice->to_unix_ns - HOT_NS));
	sqlite3_bind_int64(cool, 2, HOT_DELETE);
	return err ?: database_step(cool);
}

static int add_waits(struct store *store, const struct store_slice *slice)
{
	sqlite3_stmt *add = store->profiles.add_wait;
	int err = 0;

	for (size_t i = 0; !err && i < slice->wait_count; i++) {
		const struct store_wait *wait = &slice->waits[i];
		int64_t task = 0, stack = 0;

		err = task_id(store, slice->profile, wait->task, &task);
		err = err ?: stack_id(store, slice->profile, wait->stack, &stack);
		sqlite3_bind_int64(add, 1, (int64_t)store->next_seq);
		sqlite3_bind_int64(add, 2, (int64_t)wait->from_unix_ns);
		sqlite3_bind_int64(add, 3, (int64_t)wait->to_unix_ns);
		sqlite3_bind_int64(add, 4, task);
		sqlite3_bind_int64(add, 5, stack);
		err = err ?: database_step(add);
	}
	return err;
}

static int add_slice(struct store *store, const struct store_slice *slice)
{
	const struct profile *profile = slice->profile;
	struct profile_writer *writer = &store->profiles;
	bool is_waits = slice->kind == STORE_WAITS;
	sqlite3_stmt *add = is_waits ? writer->add_waits : writer->add_profile;
	const char *mode = profile->coverage.mode ?: "";
	int64_t values[] = { (int64_t)store->next_seq,
			     (int64_t)slice->from_unix_ns,
			     (int64_t)slice->to_unix_ns,
			     (int64_t)profile->samples,
			     (int64_t)profile->weight_ns,
			     (int64_t)slice->lost,
			     is_waits ? (int64_t)slice->min_wait_ns : profile->rate_hz,
			     profile->cpus };
	int err = pack_slice(&writer->pack, writer->entries.data, writer->entries.len);

	for (size_t i = 0; i < array_len(values); i++)
		sqlite3_bind_int64(add, (int)i + 1, values[i]);
	sqlite3_bind_text(add, 9, mode, -1, SQLITE_STATIC);
	sqlite3_bind_blob(add, 10, writer->pack.bytes.data, (int)writer->pack.bytes.len,
			  SQLITE_STATIC);
	err = err ?: database_step(add);
	return err ?: is_waits ? add_waits(store, slice) : add_samples(store, slice);
}

/* CPU time by name of the process, at the middle of the slice. */
static int roll_up(struct store *store, const struct store_slice *slice, const struct entry *entry)
{
	const struct profile *profile = slice->profile;
	const struct task *task = &profile->tasks.data[entry->task];
	const char *name = profile_text(profile, profile->processes.data[task->process].name);

	return slice->kind == STORE_WAITS
		       ? 0
		       : rollup_add(store, ROLLUP_OF_CPU, "comm", name,
				    slice->from_unix_ns +
					    (slice->to_unix_ns - slice->from_unix_ns) / 2,
				    entry->samples, entry->weight_ns);
}

/* One of its entries by the numbers of the store. */
static int gather_one(struct store *store, const struct profile *profile, size_t number,
		      struct pack_entry *ret_packed)
{
	const struct entry *entry = &profile->entries.data[number];
	int err;

	*ret_packed =
		(struct pack_entry){ .samples = entry->samples, .weight_ns = entry->weight_ns };
	err = task_id(store, profile, entry->task, &ret_packed->task);
	return err ?: stack_id(store, profile, entry->stack, &ret_packed->stack);
}

static int gather(struct store *store, const struct profile *profile)
{
	struct profile_writer *writer = &store->profiles;
	int err = 0;

	writer->entries.len = 0;
	for (size_t i = 0; !err && i < profile->entries.len; i++) {
		struct pack_entry packed;

		err = gather_one(store, profile, i, &packed);
		err = err ?: vec_push(&writer->entries, packed);
	}
	return err;
}

int profile_write(struct store *store, const struct store_slice *slice)
{
	int err = gather(store, slice->profile);

	vec_each(entry, &slice->profile->entries)
		err = err ?: roll_up(store, slice, entry);
	return err ?: add_slice(store, slice);
}

/* What was not measured, a line each. */
static char *join_lacks(const struct coverage *coverage)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	vec_each(what, &coverage->not_measured)
		fprintf(out, "%s%s", what == coverage->not_measured.data ? "" : "\n", *what);
	return fclose(out) == 0 ? text : NULL;
}

static int add_incident(struct store *store, uint64_t incident, const struct profile *profile)
{
	struct profile_writer *writer = &store->profiles;
	own(freep) char *lacks = join_lacks(&profile->coverage);
	sqlite3_stmt *add = store->incidents.add_profile;
	int64_t values[] = { (int64_t)incident,
			     profile->time,
			     (int64_t)profile->started_unix_ns,
			     (int64_t)(profile->started_unix_ns + profile->duration_ns),
			     (int64_t)profile->samples,
			     (int64_t)profile->weight_ns,
			     (int64_t)coverage_lost(&profile->coverage),
			     profile->rate_hz,
			     profile->cpus };
	int err = lacks ? pack_slice(&writer->pack, writer->incident.entries.data,
				     writer->incident.entries.len)
			: -ENOMEM;

	if (err)
		return err;
	for (size_t i = 0; i < array_len(values); i++)
		sqlite3_bind_int64(add, (int)i + 1, values[i]);
	sqlite3_bind_text(add, 10, profile->coverage.mode ?: "", -1, SQLITE_STATIC);
	sqlite3_bind_text(add, 11, lacks, -1, SQLITE_STATIC);
	sqlite3_bind_blob(add, 12, writer->pack.bytes.data, (int)writer->pack.bytes.len,
			  SQLITE_STATIC);
	err = database_step(add);
	sqlite3_clear_bindings(add);
	return err;
}

/* Until it has taken its time; at least one entry. */
static int gather_some(struct store *store, const struct profile *profile)
{
	struct profile_incident *incident = &store->profiles.incident;
	uint64_t until = clock_mono_ns() + PROFILE_STEP_NS;
	int err = 0;

	store->profiles.ids = &incident->ids;
	while (!err && incident->at < profile->entries.len) {
		struct pack_entry packed;

		err = gather_one(store, profile, incident->at, &packed);
		err = err ?: vec_push(&incident->entries, packed);
		incident->at++;
		if (clock_mono_ns() > until)
			break;
	}
	store->profiles.ids = &store->profiles.slices;
	return err;
}

int profile_write_incident(struct store *store, uint64_t incident, const struct profile *profile)
{
	struct profile_writer *writer = &store->profiles;
	int err;

	if (writer->incident.number != incident)
		profile_drop_incident(writer);
	writer->incident.number = incident;
	err = gather_some(store, profile);
	if (!err && writer->incident.at < profile->entries.len)
		return 1;
	err = err ?: add_incident(store, incident, profile);
	profile_drop_incident(writer);
	return err;
}
