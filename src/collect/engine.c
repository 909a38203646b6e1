/* SPDX-License-Identifier: MIT */
#include "collect/engine.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/ring.h"
#include "collect/table.h"

#define LOOK_AGAIN_NS   NS_PER_S /* after a loss, at what is there; not more often than that */
#define MISSED_EVERY_NS (NS_PER_S / 2)
#define WRITING_NS \
	(2 * NS_PER_MS) /* from when a program takes the time until its record is there */

/* The losses of one kind of record, as read last. */
struct loss_count {
	const struct schema *schema;
	uint64_t said;
};

struct engine_part {
	struct engine *engine;
	const struct collector *collector;
	struct loaded loaded;
	struct ring ring;
	vec(struct loss_count) losses;
	vec(struct table *) tables;
	uint64_t missed;    /* runs of its programs that were skipped, as said last */
	bool has_lost;      /* since it last looked at what is there */
	uint64_t looked_ns; /* when that was */
};

struct engine {
	const struct engine_request *request;
	struct coverage *coverage;
	vec(struct engine_part *) parts;
	int ready; /* epoll descriptor of all rings */
	struct records_batch batch;
	struct records_batch pending; /* its records are newer than what has been handed out */
	uint64_t tables_due_ns, drained_ns;
	uint64_t missed_due_ns,
		missed_read_ns; /* when skipped runs are asked for next, and were last */
	uint64_t known_ns;      /* every ring has been read up to here */
	bool is_writing;        /* a program was, where a ring was read to */
};

static int push_record(struct records_batch *batch, const struct record *record)
{
	struct event head;
	struct record_entry entry = {
		.schema = record->schema,
		.offset = (uint32_t)batch->bytes.len,
		.len = (uint32_t)record->len,
	};
	int err = vec_reserve(&batch->bytes, record->len);

	if (err)
		return err;
	memcpy(&head, record->bytes, sizeof(head));
	entry.at_mono_ns = head.at;
	memcpy(batch->bytes.data + batch->bytes.len, record->bytes, record->len);
	batch->bytes.len += record->len;
	return vec_push(&batch->entries, entry);
}

static int on_record(void *context, const void *bytes, size_t len)
{
	struct engine_part *part = context;
	struct engine *engine = part->engine;
	struct event head;
	struct record record = { .bytes = bytes, .len = len };
	int err = 0;

	if (len < sizeof(head))
		return 0;
	memcpy(&head, bytes, sizeof(head));
	record.schema = object_schema(part->loaded.object, head.type);
	if (!record.schema || !record_is_whole(&record))
		return 0;
	if (part->collector->learn)
		err = part->collector->learn(engine->request->names, &record);
	return err ?: push_record(&engine->pending, &record);
}

static void part_free(struct engine_part *part)
{
	vec_each(table, &part->tables)
		table_free(*table);
	vec_done(&part->tables);
	vec_done(&part->losses);
	ring_close(&part->ring);
	object_unload(&part->loaded);
	free(part);
}

static int part_describe(struct engine_part *part)
{
	const struct object *object = part->loaded.object;
	int err = 0;

	for (const struct schema *const *schema = object->schemas; !err && *schema; schema++)
		err = vec_push(&part->losses, { *schema, 0 });
	for (size_t i = 0; !err && i < object->table_count; i++) {
		struct table *table;

		err = vec_push(&part->losses, { object->tables[i].schema, 0 });
		err = err
			      ?: table_new(&object->tables[i],
					   object_map(&part->loaded, object->tables[i].map),
					   &table);
		if (!err && (err = vec_push(&part->tables, table)) != 0)
			table_free(table);
	}
	return err;
}

/* What the user has set, and what `syscalls` tells better than `object`. */
struct knob_values {
	vec(struct knob_value) all;
};

static void knob_values_done(struct knob_values *values)
{
	vec_done(&values->all);
}

static int collect_knobs(const struct engine_request *request, const struct collector *collector,
			 struct knob_values *values)
{
	int err = 0;

	for (size_t i = 0; !err && i < request->knob_count; i++)
		err = vec_push(&values->all, request->knobs[i]);
	if (!err && collector->syscalls_instead && request->syscalls)
		err = vec_push(&values->all, { collector->name, collector->syscalls_instead, 0 });
	return err;
}

static int add_part(struct engine *engine, const struct collector *collector,
		    const struct object *object)
{
	const struct engine_request *request = engine->request;
	own(knob_values_done) struct knob_values knobs = { 0 };
	struct engine_part *part = calloc(1, sizeof(*part));
	int err;

	if (!part)
		return -ENOMEM;
	part->engine = engine;
	part->collector = collector;
	err = collect_knobs(request, collector, &knobs);
	err = err
		      ?: object_load(&part->loaded, object, &request->filter, collector->ring_bytes,
				     request->room, knobs.all.data, knobs.all.len);
	err = err ?: part_describe(part);
	err = err ?: vec_push(&engine->parts, part);
	if (err)
		part_free(part);
	return err;
}

/* What one collector lacks does not take the others down. */
static int note_failure(struct engine *engine, const struct collector *collector, int err)
{
	char text[512];

	if (err == -EPERM || err == -ENOMEM || engine->request->all_or_none)
		return err;
	snprintf(text, sizeof(text), "%s: %s", collector->name, error_text());
	error_clear();
	return coverage_lack(engine->coverage, text);
}

static int add_collector(struct engine *engine, const struct collector *collector)
{
	int err = add_part(engine, collector, collector->object);

	if (!err && collector->syscalls && engine->request->syscalls)
		err = add_part(engine, collector, collector->syscalls);
	return err ? note_failure(engine, collector, err) : 0;
}

static int map_rings(struct engine *engine)
{
	int err = 0;

	engine->ready = epoll_create1(EPOLL_CLOEXEC);
	if (engine->ready < 0)
		return fail(-errno, "cannot wait for ring buffers: %m");
	vec_each(part, &engine->parts) {
		int fd = object_map(&(*part)->loaded, (*part)->loaded.object->ring);
		struct epoll_event event = { .events = EPOLLIN };

		err = err ?: ring_open(&(*part)->ring, fd);
		if (!err && epoll_ctl(engine->ready, EPOLL_CTL_ADD, fd, &event))
			err = fail(-errno, "cannot wait for a ring buffer: %m");
	}
	return err;
}

int engine_open(const struct engine_request *request, struct coverage *coverage,
		struct engine **ret_engine)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int err = engine ? 0 : -ENOMEM;

	if (err)
		return err;
	engine->ready = -1;
	engine->request = request;
	engine->coverage = coverage;
	for (const struct collector *const *one = request->collectors; !err && *one; one++)
		err = add_collector(engine, *one);
	if (!err && !engine->parts.len)
		err = fail(-ENOTSUP, "no collector works on this kernel");
	err = err ?: map_rings(engine);
	if (err) {
		engine_close(engine);
		return err;
	}
	*ret_engine = engine;
	return 0;
}

void engine_close(struct engine *engine)
{
	if (!engine)
		return;
	fd_closep(&engine->ready);
	vec_each(part, &engine->parts)
		part_free(*part);
	vec_done(&engine->parts);
	records_batch_done(&engine->batch);
	records_batch_done(&engine->pending);
	free(engine);
}

/* Where a record of what is there already goes. */
struct knowing {
	struct engine *engine;
	struct engine_part *part;
};

static int know(void *context, const struct record *record)
{
	struct knowing *knowing = context;

	struct engine *engine = knowing->engine;
	const struct collector *collector = knowing->part->collector;
	int err = 0;

	if (collector->know)
		err = collector->know(&knowing->part->loaded, record);
	if (!err && (!collector->know || engine->request->standing))
		err = push_record(&engine->pending, record);
	return err;
}

static int look_around(struct engine *engine, struct engine_part *part)
{
	const struct collector *collector = part->collector;
	struct knowing knowing = { engine, part };
	struct loaded standing = { 0 };
	int err = object_load(&standing, collector->standing, &engine->request->filter, 0, 0,
			      engine->request->knobs, engine->request->knob_count);

	part->has_lost = false;
	part->looked_ns = clock_mono_ns();
	err = err ?: object_iterate(&standing, know, &knowing);
	object_unload(&standing);
	return err ? note_failure(engine, collector, err) : 0;
}

static bool has_standing(const struct engine_part *part)
{
	return part->collector->standing && part->loaded.object == part->collector->object;
}

static int attach_parts(struct engine *engine)
{
	size_t kept = 0;
	int err = 0;

	vec_each(part, &engine->parts) {
		int failed = err ?: object_attach(&(*part)->loaded, engine->coverage);

		if (failed && !err) {
			object_detach(&(*part)->loaded);
			err = note_failure(engine, (*part)->collector, failed);
		}
		kept += !failed;
	}
	if (!err && !kept)
		err = fail(-ENOTSUP, "no collector works on this kernel");
	return err;
}

int engine_start(struct engine *engine)
{
	int err = attach_parts(engine);

	engine->drained_ns = engine->missed_read_ns = clock_mono_ns();
	engine->tables_due_ns = engine->drained_ns + engine->request->interval_ns;
	vec_each(part, &engine->parts)
		if (!err && has_standing(*part) &&
		    ((*part)->collector->know || engine->request->standing))
			err = look_around(engine, *part);
	return err;
}

void engine_stop(struct engine *engine)
{
	vec_each(part, &engine->parts)
		object_detach(&(*part)->loaded);
}

int engine_descriptor(const struct engine *engine)
{
	return engine->ready;
}

bool engine_more(const struct engine *engine)
{
	return engine->is_writing;
}

/* Runs of programs that were skipped since the last look.  That is a system call for each program, and
 * they are many, so it is not done at every drain.
 */
static int read_missed(struct engine *engine, uint64_t now, bool is_last)
{
	int err = 0;

	if (!is_last && now < engine->missed_due_ns)
		return 0;
	vec_each(part, &engine->parts) {
		uint64_t missed = object_missed(&(*part)->loaded), more = missed - (*part)->missed;

		(*part)->missed = missed;
		if (!err && more)
			err = vec_push(&engine->batch.losses,
				       { (*part)->collector->name, "any",
					 "an event came up inside the program for another one",
					 more, engine->missed_read_ns, now });
	}
	engine->missed_read_ns = now;
	engine->missed_due_ns = now + MISSED_EVERY_NS;
	return err;
}

/* How many were lost since the last look. */
static int read_losses(struct engine *engine, struct engine_part *part, uint64_t now)
{
	int map = object_map(&part->loaded, part->loaded.object->losses);
	int err = 0;

	vec_each(loss, &part->losses) {
		uint64_t count;

		if (err || bpf_map_lookup_elem(map, &loss->schema->type, &count) ||
		    count <= loss->said)
			continue;
		err = vec_push(&engine->batch.losses,
			       { loss->schema->collector, loss->schema->event,
				 "ring buffer or table full", count - loss->said,
				 engine->drained_ns, now });
		loss->said = count;
		part->has_lost = true;
	}
	return err;
}

/* What was lost may have been the beginning of something that is there now. */
static int look_again(struct engine *engine, struct engine_part *part, uint64_t now)
{
	if (!part->has_lost || !has_standing(part) || now < part->looked_ns + LOOK_AGAIN_NS)
		return 0;
	return look_around(engine, part);
}

static int entry_order(const void *a, const void *b)
{
	const struct record_entry *x = a, *y = b;

	if (x->at_mono_ns != y->at_mono_ns)
		return x->at_mono_ns > y->at_mono_ns ? 1 : -1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Those of one CPU come in order, so most batches are sorted already. */
static void sort_entries(struct records_batch *batch)
{
	for (size_t i = 1; i < batch->entries.len; i++)
		if (batch->entries.data[i].at_mono_ns < batch->entries.data[i - 1].at_mono_ns) {
			qsort(batch->entries.data, batch->entries.len, sizeof(*batch->entries.data),
			      entry_order);
			return;
		}
}

/* What is older than @until becomes the batch; what is newer stays.  The two change their memory. */
static int hand_out(struct engine *engine, uint64_t until)
{
	struct records_batch *batch = &engine->batch, *pending = &engine->pending;
	struct records_batch all = *pending;
	size_t older = all.entries.len;
	int err = 0;

	sort_entries(&all);
	while (older && all.entries.data[older - 1].at_mono_ns > until)
		older--;
	pending->bytes = batch->bytes;
	pending->entries = batch->entries;
	pending->bytes.len = pending->entries.len = 0;
	for (size_t i = older; !err && i < all.entries.len; i++) {
		struct record record = records_at(&all, i);

		err = push_record(pending, &record);
	}
	batch->bytes = all.bytes;
	batch->entries = all.entries;
	batch->entries.len = older;
	return err;
}

static int read_tables(struct engine *engine, uint64_t now, bool is_last)
{
	int err = 0;

	if (!is_last && now < engine->tables_due_ns)
		return 0;
	engine->tables_due_ns = now + engine->request->interval_ns;
	vec_each(part, &engine->parts)
		vec_each(table, &(*part)->tables) {
			struct record record;

			err = err ?: table_read(*table, now);
			while (!err && table_next(*table, &record))
				err = push_record(&engine->pending, &record);
		}
	return err;
}

/* What is in the rings now: never more than their sizes. */
static int read_rings(struct engine *engine)
{
	int err = 0;

	engine->is_writing = false;
	vec_each(part, &engine->parts) {
		bool is_whole;

		err = err ?: ring_read(&(*part)->ring, on_record, *part, &is_whole);
		engine->is_writing |= !err && !is_whole;
	}
	return err;
}

int engine_drain(struct engine *engine, bool is_last, const struct records_batch **ret_batch)
{
	uint64_t now = clock_mono_ns();
	int err = 0;

	engine->batch.losses.len = 0;
	vec_each(part, &engine->parts)
		err = err ?: object_run(&(*part)->loaded, is_last);
	err = err ?: read_rings(engine);
	err = err ?: read_tables(engine, now, is_last);
	err = err ?: read_missed(engine, now, is_last);
	vec_each(part, &engine->parts)
		err = err ?: read_losses(engine, *part, now) ?: look_again(engine, *part, now);
	engine->drained_ns = now;
	if (!engine->is_writing)
		engine->known_ns = now - WRITING_NS;
	err = err ?: hand_out(engine, is_last ? UINT64_MAX : engine->known_ns);
	engine->batch.unix_offset_ns = clock_unix_offset_ns();
	*ret_batch = &engine->batch;
	return err;
}
