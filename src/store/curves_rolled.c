/* SPDX-License-Identifier: MIT */
/* curves_rolled.c - how many records there were, and what was counted of them, by steps of time. */
#include "store/curves_rolled.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/curves_levels.h"
#include "store/reader_parts.h"
#include "store/rollup_read.h"

/* Which line a series of the store belongs to. */
struct part_of {
	int64_t id;
	size_t line;
};

struct rolled {
	struct curves *series;
	const struct rollup_metric *metric;
	const char *comm; /* NULL: any */
	struct curves_levels levels;
	struct curves_piece piece; /* that is read */
	vec(struct part_of) of;    /* by series of the store, in their order */
};

static int note_series(struct rolled *rolled, int64_t id, size_t line)
{
	return vec_push(&rolled->of, { id, line });
}

static int id_order(const void *a, const void *b)
{
	const struct part_of *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int take_row(void *context, const struct rollup_row *row)
{
	struct rolled *rolled = context;
	const struct curves_piece *piece = &rolled->piece;
	struct curves *series = rolled->series;
	uint64_t middle = row->at_s * NS_PER_S + piece->level_s * NS_PER_S / 2;
	size_t step = (middle - series->start_unix_ns) / series->step_ns;
	const struct part_of wanted = { .id = row->series }, *of;
	struct curve *line;

	if (middle < series->start_unix_ns || step < piece->first || step >= piece->end ||
	    !rolled->of.len)
		return 0;
	of = bsearch(&wanted, rolled->of.data, rolled->of.len, sizeof(wanted), id_order);
	if (!of)
		return 0;
	line = &series->lines.data[of->line];
	line->values[step] += row->sum;
	line->total += row->sum;
	return 0;
}

static int take_rows(struct store_reader *reader, struct rolled *rolled)
{
	const struct curves *series = rolled->series;
	int err = 0;

	if (rolled->of.len)
		qsort(rolled->of.data, rolled->of.len, sizeof(*rolled->of.data), id_order);
	for (size_t i = 0; !err && i < rolled->levels.count; i++) {
		const struct curves_piece *piece = &rolled->levels.pieces[i];
		uint64_t begin = series->start_unix_ns + piece->first * series->step_ns;
		uint64_t end = series->start_unix_ns + piece->end * series->step_ns;

		rolled->piece = *piece;
		err = rollup_each(reader, (int)(rolled->metric - rollup_metrics), piece->level_s,
				  begin / NS_PER_S - begin / NS_PER_S % piece->level_s,
				  (end + NS_PER_S - 1) / NS_PER_S, take_row, rolled);
	}
	return err;
}

static int add_line(struct curves *series, const char *name)
{
	struct curve line = { .name = strdup(name),
			      .values = calloc(series->steps, sizeof(*line.values)) };
	int err = line.name && line.values ? vec_push(&series->lines, line) : -ENOMEM;

	if (err) {
		free(line.name);
		free(line.values);
	}
	return err;
}

static void drop_line(struct curves *series, size_t number)
{
	free(series->lines.data[number].name);
	free(series->lines.data[number].values);
	series->lines.len--;
	memmove(series->lines.data + number, series->lines.data + number + 1,
		(series->lines.len - number) * sizeof(*series->lines.data));
}

static int line_order(const void *a, const void *b)
{
	const struct curve *x = a, *y = b;

	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* name="x" becomes x, as it was written. */
static void label_value(const char *labels, char *value, size_t size)
{
	const char *at = strchr(labels, '"');
	size_t len = 0;

	for (at = at ? at + 1 : ""; *at && *at != '"' && len + 1 < size; at++) {
		bool is_escaped = *at == '\\' && at[1];

		at += is_escaped;
		value[len++] = is_escaped && *at == 'n' ? '\n' : *at;
	}
	value[len] = '\0';
}

static int add_comm(void *context, int64_t id, const char *labels)
{
	struct rolled *rolled = context;
	char name[ROLLUP_LABELS_BYTES];
	int err;

	label_value(labels, name, sizeof(name));
	if (rolled->comm && strcmp(rolled->comm, name) != 0)
		return 0;
	err = add_line(rolled->series, name);
	return err ?: note_series(rolled, id, rolled->series->lines.len - 1);
}

static int add_whole(void *context, int64_t id, const char *labels)
{
	struct rolled *rolled = context;
	char name[ROLLUP_LABELS_BYTES];

	label_value(labels, name, sizeof(name));
	return rolled->comm && strcmp(rolled->comm, name) != 0 ? 0 : note_series(rolled, id, 0);
}

/* The heaviest stay, the others are added up. */
static void keep_heaviest(struct curves *series, size_t most)
{
	if (series->lines.len)
		qsort(series->lines.data, series->lines.len, sizeof(*series->lines.data),
		      line_order);
	while (series->lines.len && !series->lines.data[series->lines.len - 1].total)
		drop_line(series, series->lines.len - 1);
	while (series->lines.len > most) {
		const struct curve *line = &series->lines.data[series->lines.len - 1];

		for (size_t i = 0; i < series->steps; i++)
			series->others[i] += line->values[i];
		series->others_total += line->total;
		series->others_count++;
		drop_line(series, series->lines.len - 1);
	}
}

/* Whether the records tell of times before anything was counted. */
static int are_records_older(struct store_reader *reader, const struct curves_levels *levels,
			     bool *ret_are)
{
	uint64_t oldest = UINT64_MAX;
	int err = 0;

	*ret_are = true;
	if (levels->since_s == UINT64_MAX)
		return 0;
	err = curves_levels_oldest(reader, "runq_processes_row", "at_unix_ns", &oldest);
	*ret_are = oldest < levels->since_s * NS_PER_S;
	return err;
}

static int read_runq(struct store_reader *reader, const struct profile_query *query,
		     enum curves_key key, struct rolled *rolled)
{
	struct curves *series = rolled->series;
	int metric = rollup_metric_find("kymo_process_runq_seconds_total");
	int err = key == CURVES_ALL ? add_line(series, "cpu") : 0;

	rolled->metric = &rollup_metrics[metric];
	err = err
		      ?: rollup_each_series(reader, metric,
					    key == CURVES_ALL ? add_whole : add_comm, rolled);
	/* It may be one of the many whose names are not told apart: the records tell of them, too. */
	if (!err && query->comm && !rolled->of.len) {
		while (series->lines.len)
			drop_line(series, series->lines.len - 1);
		return 0;
	}
	err = err ?: take_rows(reader, rolled);
	return err ?: 1;
}

int curves_read_rolled_runq(struct store_reader *reader, const struct profile_query *query,
			    enum curves_key key, size_t most, struct curves *series)
{
	struct rolled rolled = { .series = series, .comm = query->comm };
	struct curves_levels *levels = &rolled.levels;
	bool are_older = true;
	int err;

	if (query->pid_count || key == CURVES_PID)
		return 0;
	reader_begin(reader, PROFILE_READ_NS);
	err = curves_levels_choose(reader, series, levels);
	if (!err && levels->count)
		err = are_records_older(reader, levels, &are_older);
	if (!err && !are_older)
		err = read_runq(reader, query, key, &rolled);
	if (err > 0) {
		keep_heaviest(series, most < CURVES_MAX_LINES ? most : CURVES_MAX_LINES);
		series->rolled_up_s = levels->pieces[levels->count - 1].level_s;
		err = store_read_losses(reader, query->start_unix_ns, query->end_unix_ns, "runq",
					&series->lost);
		err = err ?: curves_levels_cover(series, levels->first, UINT64_MAX);
		err = err ?: 1;
	}
	reader_end(reader);
	vec_done(&rolled.of);
	return err;
}

/* Of the steps before @steps, from the records themselves. */
static int count_rows(struct store_reader *reader, const struct schema *schema,
		      const struct curves *series, size_t steps, struct curve *line)
{
	sqlite3 *database = reader_database(reader);
	char table[COLUMNS_TABLE_BYTES], sql[512];
	sqlite3_stmt *row;
	int code;

	columns_table(schema, table);
	snprintf(sql, sizeof(sql),
		 "SELECT (at_unix_ns - ?1) / ?3, count(*) FROM \"%s_row\" "
		 "WHERE at_unix_ns >= ?1 AND at_unix_ns < ?2 GROUP BY 1",
		 table);
	if (sqlite3_prepare_v2(database, sql, -1, &row, NULL) != SQLITE_OK)
		return database_fail(database, "read");
	sqlite3_bind_int64(row, 1, (int64_t)series->start_unix_ns);
	sqlite3_bind_int64(row, 2, (int64_t)(series->start_unix_ns + steps * series->step_ns));
	sqlite3_bind_int64(row, 3, (int64_t)series->step_ns);
	while ((code = sqlite3_step(row)) == SQLITE_ROW) {
		size_t step = (size_t)sqlite3_column_int64(row, 0);

		if (step >= steps)
			continue;
		line->values[step] = (uint64_t)sqlite3_column_int64(row, 1);
		line->total += line->values[step];
	}
	sqlite3_finalize(row);
	return code == SQLITE_DONE ? 0 : database_fail(database, "read");
}

struct naming {
	struct rolled *rolled;
	const struct schema *const *schemas;
};

/* Lines are those of the schemas, in their order. */
static int name_kind(void *context, int64_t id, const char *labels)
{
	struct naming *naming = context;

	for (size_t i = 0; naming->schemas[i]; i++) {
		char wanted[ROLLUP_LABELS_BYTES] = "";

		rollup_put_label(wanted, "collector", naming->schemas[i]->collector);
		rollup_put_label(wanted, "event", naming->schemas[i]->event);
		if (strcmp(labels, wanted) == 0)
			return note_series(naming->rolled, id, i);
	}
	return 0;
}

static int count_all(struct store_reader *reader, const struct schema *const *schemas,
		     struct rolled *rolled)
{
	struct curves *series = rolled->series;
	const struct curves_levels *levels = &rolled->levels;
	struct naming naming = { rolled, schemas };
	int metric = rollup_metric_find("kymo_events_total");
	int err = 0;

	rolled->metric = &rollup_metrics[metric];
	for (size_t i = 0; !err && schemas[i]; i++) {
		char name[80];

		snprintf(name, sizeof(name), "%s.%s", schemas[i]->collector, schemas[i]->event);
		err = add_line(series, name);
		if (!err && levels->first && store_columns(reader, schemas[i]))
			err = count_rows(reader, schemas[i], series, levels->first,
					 &series->lines.data[i]);
	}
	if (err || !levels->count)
		return err;
	series->rolled_up_s = levels->pieces[levels->count - 1].level_s;
	err = rollup_each_series(reader, metric, name_kind, &naming);
	return err ?: take_rows(reader, rolled);
}

/* When the first record is of, whatever it tells: from then on, none means that nothing happened. */
static int oldest_record(struct store_reader *reader, const struct schema *const *schemas,
			 uint64_t *ret_unix_ns)
{
	char table[COLUMNS_TABLE_BYTES], rows[COLUMNS_TABLE_BYTES + 8];
	uint64_t at = UINT64_MAX;
	int err = curves_levels_oldest(reader, "profile", "to_unix_ns", ret_unix_ns);

	for (size_t i = 0; !err && schemas[i]; i++) {
		if (!store_columns(reader, schemas[i]))
			continue;
		columns_table(schemas[i], table);
		snprintf(rows, sizeof(rows), "%s_row", table);
		err = curves_levels_oldest(reader, rows, "at_unix_ns", &at);
		*ret_unix_ns = at < *ret_unix_ns ? at : *ret_unix_ns;
	}
	return err;
}

int curves_read_counts(struct store_reader *reader, const struct schema *const *schemas,
		       struct curves *series)
{
	struct rolled rolled = { .series = series };
	uint64_t oldest = UINT64_MAX;
	int err;

	reader_begin(reader, PROFILE_READ_NS);
	err = curves_levels_choose(reader, series, &rolled.levels);
	err = err ?: count_all(reader, schemas, &rolled);
	err = err ?: oldest_record(reader, schemas, &oldest);
	err = err ?: curves_levels_cover(series, rolled.levels.first, oldest);
	reader_end(reader);
	vec_done(&rolled.of);
	for (size_t i = series->lines.len; !err && i-- > 0;)
		if (!series->lines.data[i].total)
			drop_line(series, i);
	return err;
}
