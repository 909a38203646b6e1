/* SPDX-License-Identifier: MIT */
#include "store/rollup_write.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/writer.h"

#define DELETE_STEPS 120 /* of a level, behind each transaction */
#define MINUTES_KEPT 16  /* times as far back as there are records, where the file is too large */

/* Names that nothing in the file tells of any more. */
#define DELETE_VANISHED \
	"DELETE FROM series WHERE id NOT IN (SELECT DISTINCT series FROM rollup_row WHERE step_s = 3600)"

/* What makes a series one. */
struct series_key {
	int metric;
	const char *labels;
};

static bool series_same(const void *owner, uint32_t entry, const void *key)
{
	const struct rollup_total *total =
		&((const struct rollup_writer *)owner)->totals.list.data[entry];
	const struct series_key *wanted = key;

	return total->metric == wanted->metric && strcmp(total->labels, wanted->labels) == 0;
}

static uint64_t series_hash(const struct series_key *key)
{
	return hash_bytes(key->labels, strlen(key->labels), (uint64_t)key->metric);
}

static int add_series(struct rollup_writer *writer, const struct series_key *key, int64_t id,
		      uint32_t *ret_number)
{
	struct rollup_total total = { .metric = (uint8_t)key->metric };
	int err = vec_push(&writer->series, { .id = id });

	snprintf(total.labels, sizeof(total.labels), "%s", key->labels);
	if (!err && rollup_metrics[key->metric].shape == ROLLUP_HISTOGRAM) {
		total.buckets = calloc(HISTOGRAM_BUCKETS, sizeof(*total.buckets));
		err = total.buckets ? 0 : -ENOMEM;
	}
	err = err ?: vec_push(&writer->totals.list, total);
	if (err) {
		free(total.buckets);
		writer->series.len = writer->totals.list.len;
		return err;
	}
	*ret_number = (uint32_t)writer->totals.list.len - 1;
	writer->count[key->metric]++;
	return index_add(&writer->index, series_hash(key), *ret_number);
}

/* Another vocabulary than was thought: the rest of it is one series. */
static void fold_labels(const struct rollup_metric *metric, char *labels)
{
	labels[0] = '\0';
	for (size_t i = 0; metric->labels[i].name; i++)
		rollup_put_label(labels, metric->labels[i].name, "other");
	if (!metric->labels[0].name)
		rollup_put_label(labels, "comm", "other");
}

/* A vocabulary of names: theirs come and go, as those of collectors do not. */
static bool has_names(int metric)
{
	return rollup_metrics[metric].source == ROLLUP_OF_FIELD ||
	       rollup_metrics[metric].source == ROLLUP_OF_CPU;
}

static bool is_idle(const struct rollup_series *series, uint64_t at_s)
{
	return !series->parts[0].count && !series->parts[1].count &&
	       series->last_s + ROLLUP_IDLE_S <= at_s;
}

/* The series of a metric that nothing came for since longest, if that is long.  INDEX_NONE: none */
static uint32_t find_idle(struct rollup_writer *writer, int metric, const char *others,
			  uint64_t at_s)
{
	uint32_t found = INDEX_NONE;
	uint64_t oldest_s = UINT64_MAX;

	vec_each(total, &writer->totals.list) {
		uint32_t number = (uint32_t)(total - writer->totals.list.data);
		const struct rollup_series *series = &writer->series.data[number];

		if (total->metric != metric || series->last_s >= oldest_s ||
		    strcmp(total->labels, others) == 0)
			continue;
		oldest_s = series->last_s;
		found = is_idle(series, at_s) ? number : INDEX_NONE;
	}
	if (found == INDEX_NONE)
		writer->full_s[metric] =
			oldest_s > at_s ? at_s + rollup_steps_s[0] : oldest_s + ROLLUP_IDLE_S;
	return found;
}

/* By place, since a key of the index cannot be taken out. */
static int index_again(struct rollup_writer *writer)
{
	int err = 0;

	index_clear(&writer->index);
	vec_each(total, &writer->totals.list) {
		struct series_key key = { total->metric, total->labels };

		err = err
			      ?: index_add(&writer->index, series_hash(&key),
					   (uint32_t)(total - writer->totals.list.data));
	}
	return err;
}

/* Whether a new name takes the place of one that has vanished.  Return: 1; 0 none has; -ENOMEM */
static int take_place(struct rollup_writer *writer, const struct series_key *key,
		      const char *others, uint64_t at_s, uint32_t *ret_number)
{
	struct rollup_total *total;
	uint32_t number;

	if (!has_names(key->metric) || at_s < writer->full_s[key->metric] ||
	    writer->kept[key->metric] >= ROLLUP_MAX_KEPT)
		return 0;
	number = find_idle(writer, key->metric, others, at_s);
	if (number == INDEX_NONE)
		return 0;
	total = &writer->totals.list.data[number];
	snprintf(total->labels, sizeof(total->labels), "%s", key->labels);
	total->count = total->sum = 0;
	if (total->buckets)
		memset(total->buckets, 0, HISTOGRAM_BUCKETS * sizeof(*total->buckets));
	writer->series.data[number].id = 0;
	*ret_number = number;
	return index_again(writer) ?: 1;
}

static int find_series(struct store *store, int metric, const char *labels, uint64_t at_unix_ns,
		       uint32_t *ret_number)
{
	struct rollup_writer *writer = &store->rollups;
	struct series_key key = { metric, labels };
	char others[ROLLUP_LABELS_BYTES];
	int err;

	*ret_number = index_find(&writer->index, series_hash(&key), series_same, writer, &key);
	if (*ret_number != INDEX_NONE)
		return 0;
	if (writer->count[metric] < ROLLUP_MAX_SERIES)
		return add_series(writer, &key, 0, ret_number);
	fold_labels(&rollup_metrics[metric], others);
	err = take_place(writer, &key, others, at_unix_ns / NS_PER_S, ret_number);
	if (err)
		return err < 0 ? err : 0;
	store->state.folded++;
	key.labels = others;
	*ret_number = index_find(&writer->index, series_hash(&key), series_same, writer, &key);
	return *ret_number != INDEX_NONE ? 0 : add_series(writer, &key, 0, ret_number);
}

/* The series that the file has, so that they keep their numbers. */
static int load_series(struct store *store)
{
	sqlite3_stmt *row;
	int code = SQLITE_DONE, err = 0;

	if (sqlite3_prepare_v2(store->database,
			       "SELECT id, metric, labels FROM series ORDER BY id DESC", -1, &row,
			       NULL) != SQLITE_OK)
		return database_fail(store->database, "read");
	while (!err && (code = sqlite3_step(row)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(row, 1) ?: "";
		struct series_key key = { rollup_metric_find(name),
					  (const char *)sqlite3_column_text(row, 2) ?: "" };
		uint32_t number;

		if (key.metric < 0) /* that a newer or an older kymo knows */
			continue;
		store->rollups.kept[key.metric]++;
		if (store->rollups.count[key.metric] > ROLLUP_MAX_SERIES)
			continue;
		err = add_series(&store->rollups, &key, sqlite3_column_int64(row, 0), &number);
	}
	if (!err && code != SQLITE_DONE)
		err = database_fail(store->database, "read");
	sqlite3_finalize(row);
	return err;
}

int rollup_writer_open(struct store *store)
{
	struct rollup_writer *writer = &store->rollups;
	sqlite3 *database = store->database;
	int err = database_run(database, DELETE_VANISHED);

	err = err
		      ?: database_prepare(database,
					  "INSERT INTO series(metric, labels) VALUES(?, ?)",
					  &writer->add_series);
	err = err
		      ?: database_prepare(
				 database,
				 "INSERT INTO rollup_row VALUES(?1, ?2, ?3, ?4, ?5, ?6, NULL) "
				 "ON CONFLICT DO UPDATE SET count = count + ?4, sum = sum + ?5, "
				 "max = max(max, ?6)",
				 &writer->add);
	err = err
		      ?: database_prepare(database,
					  "SELECT count, sum, max, buckets FROM rollup_row WHERE "
					  "step_s = ? AND at_unix_s = ? AND series = ?",
					  &writer->find);
	err = err
		      ?: database_prepare(
				 database,
				 "INSERT OR REPLACE INTO rollup_row VALUES(?, ?, ?, ?, ?, ?, ?)",
				 &writer->replace);
	return err ?: load_series(store);
}

static void free_parts(struct rollup_writer *writer)
{
	vec_each(series, &writer->series)
		for (size_t i = 0; i < array_len(series->parts); i++)
			free(series->parts[i].histogram);
}

void rollup_writer_done(struct rollup_writer *writer)
{
	free_parts(writer);
	vec_done(&writer->series);
	rollup_totals_done(&writer->totals);
	index_done(&writer->index);
}

void rollup_forget(struct rollup_writer *writer)
{
	free_parts(writer);
	/* A series that was new in what is rolled back gets its number again. */
	vec_each(series, &writer->series) {
		memset(series->parts, 0, sizeof(series->parts));
		series->id = 0;
	}
}

void rollup_kind_of(const struct schema *schema, struct rollup_kind *kind)
{
	*kind = (struct rollup_kind){ .events = INDEX_NONE, .at = schema_field(schema, "at") };
	if (!kind->at || schema->shape == SCHEMA_JOINED)
		return;
	for (int i = 0; rollup_metrics[i].name; i++) {
		const struct rollup_metric *metric = &rollup_metrics[i];
		bool is_of =
			metric->source == ROLLUP_OF_EVENTS
				? schema->shape == SCHEMA_EVENTS
				: metric->source == ROLLUP_OF_FIELD &&
					  strcmp(metric->collector, schema->collector) == 0 &&
					  strcmp(metric->event, schema->event) == 0 &&
					  (!metric->field || schema_field(schema, metric->field));

		if (is_of)
			kind->metrics[kind->count++] = i;
	}
}

static int write_part(struct store *store, struct rollup_series *series, struct rollup_part *part);

/* Where to count what happened then. */
static int part_at(struct store *store, uint32_t number, uint64_t at_unix_ns,
		   struct rollup_part **ret_part)
{
	struct rollup_series *series = &store->rollups.series.data[number];
	uint64_t step = at_unix_ns / NS_PER_S / rollup_steps_s[0];
	struct rollup_part *part = &series->parts[step & 1];
	uint64_t at_s = step * rollup_steps_s[0];
	int err = 0;

	if (part->count && part->at_s != at_s)
		err = write_part(store, series, part);
	part->at_s = at_s;
	if (at_s > series->last_s)
		series->last_s = at_s;
	*ret_part = part;
	return err;
}

static int add_value(struct store *store, uint32_t number, uint64_t at_unix_ns, uint64_t count,
		     uint64_t sum)
{
	struct rollup_total *total = &store->rollups.totals.list.data[number];
	struct rollup_part *part = NULL;
	int err = part_at(store, number, at_unix_ns, &part);

	if (err)
		return err;
	part->count += count;
	part->sum += sum;
	if (sum > part->max)
		part->max = sum;
	total->count += count;
	total->sum += sum;
	return 0;
}

static int add_histogram(struct store *store, uint32_t number, uint64_t at_unix_ns,
			 const struct histogram *more)
{
	struct rollup_total *total = &store->rollups.totals.list.data[number];
	struct rollup_part *part = NULL;
	uint64_t count = histogram_count(more);
	int err = count ? part_at(store, number, at_unix_ns, &part) : 0;

	if (err || !count)
		return err;
	if (!part->histogram)
		part->histogram = calloc(1, sizeof(*part->histogram));
	if (!part->histogram)
		return -ENOMEM;
	histogram_add(part->histogram, more);
	part->count += count;
	part->sum += more->sum;
	if (more->max > part->max)
		part->max = more->max;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		total->buckets[i] += more->buckets[i];
	total->count += count;
	total->sum += more->sum;
	return 0;
}

static void read_labels(struct store *store, const struct rollup_metric *metric,
			const struct record *record, char *labels)
{
	labels[0] = '\0';
	for (size_t i = 0; metric->labels[i].name; i++) {
		const struct field *field = schema_field(record->schema, metric->labels[i].field);
		const char *value = "";

		if (field && field->kind == FIELD_ENUM) {
			value = record_enum(record, field);
		} else if (field) {
			record_text(record, field, store->text);
			value = store->text;
		}
		rollup_put_label(labels, metric->labels[i].name, value);
	}
}

/* Histograms are merged; a number is one value of a histogram, or is added. */
static int take_field(struct store *store, int number, uint64_t at_unix_ns,
		      const struct record *record)
{
	const struct rollup_metric *metric = &rollup_metrics[number];
	const struct field *field =
		metric->field ? schema_field(record->schema, metric->field) : NULL;
	struct histogram histogram;
	char labels[ROLLUP_LABELS_BYTES];
	uint32_t series;
	uint64_t value;
	int err;

	if (field && !record_has(record, field))
		return 0;
	read_labels(store, metric, record, labels);
	err = find_series(store, number, labels, at_unix_ns, &series);
	if (err)
		return err;
	if (field && field->kind == FIELD_HISTOGRAM) {
		memcpy(&histogram, record->bytes + field->offset, sizeof(histogram));
		return add_histogram(store, series, at_unix_ns, &histogram);
	}
	value = field ? record_u64(record, field) : 1;
	if (metric->shape == ROLLUP_COUNTER)
		return add_value(store, series, at_unix_ns, 1, value);
	histogram = (struct histogram){ .sum = value, .max = value };
	histogram.buckets[histogram_bucket(value)] = 1;
	return add_histogram(store, series, at_unix_ns, &histogram);
}

static int take_event(struct store *store, struct store_kind *kind, int metric, uint64_t at_unix_ns)
{
	char labels[ROLLUP_LABELS_BYTES] = "";
	int err = 0;

	if (kind->rollup.events == INDEX_NONE) {
		rollup_put_label(labels, "collector", kind->schema->collector);
		rollup_put_label(labels, "event", kind->schema->event);
		err = find_series(store, metric, labels, at_unix_ns, &kind->rollup.events);
	}
	return err ?: add_value(store, kind->rollup.events, at_unix_ns, 1, 1);
}

int rollup_take(struct store *store, struct store_kind *kind, const struct record_target *target,
		const struct record *record)
{
	const struct rollup_kind *rollup = &kind->rollup;
	uint64_t at;
	int err = 0;

	if (!rollup->count)
		return 0;
	at = record_u64(record, rollup->at) + target->unix_offset_ns;
	for (size_t i = 0; !err && i < rollup->count; i++)
		err = rollup_metrics[rollup->metrics[i]].source == ROLLUP_OF_EVENTS
			      ? take_event(store, kind, rollup->metrics[i], at)
			      : take_field(store, rollup->metrics[i], at, record);
	return err;
}

int rollup_add(struct store *store, enum rollup_source source, const char *label, const char *value,
	       uint64_t at_unix_ns, uint64_t count, uint64_t sum)
{
	char labels[ROLLUP_LABELS_BYTES] = "";
	uint32_t series;
	int err, metric = 0;

	while (rollup_metrics[metric].source != source)
		metric++;
	rollup_put_label(labels, label, value);
	err = find_series(store, metric, labels, at_unix_ns, &series);
	return err ?: add_value(store, series, at_unix_ns, count, sum);
}

static int note_series(struct store *store, struct rollup_series *series)
{
	struct rollup_writer *writer = &store->rollups;
	const struct rollup_total *total = &writer->totals.list.data[series - writer->series.data];
	sqlite3_stmt *add = writer->add_series;
	int64_t id = 0;
	char *find = sqlite3_mprintf("SELECT id FROM series WHERE metric = %Q AND labels = %Q",
				     rollup_metrics[total->metric].name, total->labels);
	int err = find ? database_number(store->database, find, &id) : -ENOMEM;

	sqlite3_free(find);
	if (!err && !id) {
		sqlite3_bind_text(add, 1, rollup_metrics[total->metric].name, -1, SQLITE_STATIC);
		sqlite3_bind_text(add, 2, total->labels, -1, SQLITE_STATIC);
		err = database_step(add);
		id = sqlite3_last_insert_rowid(store->database);
		writer->kept[total->metric]++;
	}
	if (!err)
		series->id = id;
	return err;
}

static void bind_row(sqlite3_stmt *row, uint32_t step_s, int64_t series,
		     const struct rollup_part *part)
{
	sqlite3_bind_int64(row, 1, step_s);
	sqlite3_bind_int64(row, 2, (int64_t)(part->at_s / step_s * step_s));
	sqlite3_bind_int64(row, 3, series);
	sqlite3_bind_int64(row, 4, (int64_t)part->count);
	sqlite3_bind_int64(row, 5, (int64_t)part->sum);
	sqlite3_bind_int64(row, 6, (int64_t)part->max);
}

/* With what the step has already. */
static int write_histogram(struct store *store, uint32_t step_s, int64_t series,
			   const struct rollup_part *part)
{
	struct rollup_writer *writer = &store->rollups;
	struct histogram histogram = *part->histogram;
	struct rollup_part whole = *part;
	uint8_t packed[ROLLUP_PACKED_BYTES];
	int err = 0, code;

	bind_row(writer->find, step_s, series, part);
	code = sqlite3_step(writer->find);
	if (code == SQLITE_ROW) {
		uint64_t max = (uint64_t)sqlite3_column_int64(writer->find, 2);

		whole.count += (uint64_t)sqlite3_column_int64(writer->find, 0);
		whole.sum += (uint64_t)sqlite3_column_int64(writer->find, 1);
		if (max > whole.max)
			whole.max = max;
		err = rollup_unpack(sqlite3_column_blob(writer->find, 3),
				    (size_t)sqlite3_column_bytes(writer->find, 3), &histogram);
	} else if (code != SQLITE_DONE) {
		err = database_fail(store->database, "read");
		sqlite3_reset(writer->find);
		return err;
	}
	sqlite3_reset(writer->find);
	if (err)
		return fail(err, "the store has a histogram that makes no sense");
	bind_row(writer->replace, step_s, series, &whole);
	sqlite3_bind_blob(writer->replace, 7, packed, (int)rollup_pack(&histogram, packed),
			  SQLITE_STATIC);
	return database_step(writer->replace);
}

static int write_part(struct store *store, struct rollup_series *series, struct rollup_part *part)
{
	int err = series->id ? 0 : note_series(store, series);

	for (size_t i = 0; !err && i < ROLLUP_LEVELS; i++) {
		if (part->histogram) {
			err = write_histogram(store, rollup_steps_s[i], series->id, part);
			continue;
		}
		bind_row(store->rollups.add, rollup_steps_s[i], series->id, part);
		err = database_step(store->rollups.add);
	}
	if (part->histogram)
		memset(part->histogram, 0, sizeof(*part->histogram));
	part->count = part->sum = part->max = 0;
	return err;
}

int rollup_flush(struct store *store)
{
	int err = 0;

	vec_each(series, &store->rollups.series)
		for (size_t i = 0; !err && i < array_len(series->parts); i++)
			if (series->parts[i].count)
				err = write_part(store, series, &series->parts[i]);
	return err;
}

/* Steps of one level before an instant, some of them at a time. */
static int delete_level(struct store *store, uint32_t step_s, uint64_t before_s)
{
	char sql[160];
	int64_t oldest;
	uint64_t until;
	int err;

	snprintf(sql, sizeof(sql), "SELECT min(at_unix_s) FROM rollup_row WHERE step_s = %u",
		 step_s);
	err = database_number(store->database, sql, &oldest);
	if (err || !oldest || (uint64_t)oldest + step_s > before_s)
		return err;
	until = (uint64_t)oldest + (uint64_t)step_s * DELETE_STEPS;
	if (until + step_s > before_s)
		until = before_s - step_s + 1; /* a step that is over by then */
	snprintf(sql, sizeof(sql), "DELETE FROM rollup_row WHERE step_s = %u AND at_unix_s < %lu",
		 step_s, (unsigned long)until);
	return database_run(store->database, sql);
}

/* Whoever has a place is asked for its number again, as it may have been among them. */
static int prune(struct store *store, uint64_t now_s)
{
	struct rollup_writer *writer = &store->rollups;
	bool is_due = false;
	int err;

	for (size_t i = 0; i < array_len(writer->kept); i++)
		is_due |= writer->kept[i] > ROLLUP_MAX_SERIES + 1;
	if (!is_due || now_s < writer->pruned_s + ROLLUP_IDLE_S)
		return 0;
	writer->pruned_s = now_s;
	err = database_run(store->database, DELETE_VANISHED);
	vec_each(series, &writer->series)
		series->id = 0;
	for (int i = 0; !err && rollup_metrics[i].name; i++) {
		int64_t kept = 0;
		char *sql = sqlite3_mprintf("SELECT count(*) FROM series WHERE metric = %Q",
					    rollup_metrics[i].name);

		err = sql ? database_number(store->database, sql, &kept) : -ENOMEM;
		sqlite3_free(sql);
		writer->kept[i] = (size_t)kept;
	}
	return err;
}

/* The shortest steps hardly outlive the records where the file is too large; those of a minute tell of more
 * time than they do, and those of an hour take so little that only their age counts.
 */
int rollup_delete(struct store *store, uint64_t oldest_unix_ns, bool is_too_much)
{
	uint64_t now_s = clock_unix_ns() / NS_PER_S, first_s = oldest_unix_ns / NS_PER_S;
	uint64_t oldest_s = first_s < now_s ? first_s : now_s, back_s = now_s - oldest_s;
	uint64_t age_s = store->options.max_age_ns / NS_PER_S;
	uint64_t horizon_s = age_s && age_s < now_s ? now_s - age_s : 0;
	int err = 0;

	for (size_t i = 0; !err && i < ROLLUP_LEVELS; i++) {
		uint64_t before_s = horizon_s;

		if (is_too_much && i == 0 && oldest_s > before_s)
			before_s = oldest_s;
		if (is_too_much && i == 1 && now_s > MINUTES_KEPT * back_s &&
		    now_s - MINUTES_KEPT * back_s > before_s)
			before_s = now_s - MINUTES_KEPT * back_s;
		err = before_s ? delete_level(store, rollup_steps_s[i], before_s) : 0;
	}
	return err ?: prune(store, now_s);
}
