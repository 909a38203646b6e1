/* SPDX-License-Identifier: MIT */
#include "store/reader.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "store/database.h"
#include "store/reader_parts.h"

#define PROGRESS_STEPS 20000 /* between two looks at the clock */

struct reader_kind {
	const struct schema *schema;
	struct columns columns;
	char table[COLUMNS_TABLE_BYTES];
	char *select; /* "SELECT seq, ... FROM x_row"; NULL: the file has no such table */
};

struct known_text {
	int64_t id;
	char *text;
};

struct store_reader {
	sqlite3 *database;
	vec(struct reader_kind) kinds;
	sqlite3_stmt *text, *id, *container;
	vec(struct known_text) texts;
	struct index by_id;
	/* The deadlines of the query that runs: it may use so much CPU time, and may wait longer where the
	 * machine is busy.
	 */
	uint64_t until_cpu_ns, until_mono_ns;
};

/* The next row of one kind. */
struct store_row {
	struct store_reader *reader;
	const struct reader_kind *kind;
	sqlite3_stmt *statement;
	uint64_t seq, at;
};

static int is_late(void *context)
{
	const struct store_reader *reader = context;

	return reader->until_mono_ns &&
	       (clock_read_ns(CLOCK_THREAD_CPUTIME_ID) > reader->until_cpu_ns ||
		clock_mono_ns() > reader->until_mono_ns);
}

static int make_select(sqlite3 *database, struct reader_kind *kind)
{
	char table[COLUMNS_TABLE_BYTES + 8];
	size_t len;
	FILE *out;
	bool has;
	int err;

	snprintf(table, sizeof(table), "%s_row", kind->table);
	err = database_has_column(database, table, "seq", &has);
	if (err || !has)
		return err;
	out = open_memstream(&kind->select, &len);
	if (!out)
		return -ENOMEM;
	fputs("SELECT seq, at_unix_ns", out);
	vec_each(column, &kind->columns.list) {
		err = err ?: database_has_column(database, table, column->name, &has);
		fprintf(out, has ? ", \"%s\"" : ", NULL AS \"%s\"", column->name);
	}
	fprintf(out, " FROM \"%s\"", table);
	return fclose(out) == 0 ? err : -ENOMEM;
}

static int add_kind(struct store_reader *reader, const struct schema *schema)
{
	struct reader_kind kind = { .schema = schema };
	int err = columns_of(schema, &kind.columns);

	columns_table(schema, kind.table);
	err = err ?: make_select(reader->database, &kind);
	err = err ?: vec_push(&reader->kinds, kind);
	if (err) {
		vec_done(&kind.columns.list);
		free(kind.select);
	}
	return err;
}

int store_reader_open(const char *path, const struct record_view *views, size_t view_count,
		      struct store_reader **ret_reader)
{
	struct store_reader *reader = calloc(1, sizeof(*reader));
	int err = reader ? database_open(path, false, &reader->database) : -ENOMEM;

	for (size_t i = 0; i < view_count; i++)
		for (const struct schema *const *one = views[i].schemas; !err && *one; one++)
			err = add_kind(reader, *one);
	err = err
		      ?: database_prepare(reader->database, "SELECT text FROM string WHERE id = ?",
					  &reader->text);
	err = err
		      ?: database_prepare(reader->database, "SELECT id FROM string WHERE text = ?",
					  &reader->id);
	err = err
		      ?: database_prepare(reader->database,
					  "SELECT id FROM container WHERE path = ?",
					  &reader->container);
	if (err) {
		store_reader_close(reader);
		return err;
	}
	sqlite3_progress_handler(reader->database, PROGRESS_STEPS, is_late, reader);
	*ret_reader = reader;
	return 0;
}

static void forget_texts(struct store_reader *reader)
{
	vec_each(known, &reader->texts)
		free(known->text);
	reader->texts.len = 0;
	index_clear(&reader->by_id);
}

void store_reader_close(struct store_reader *reader)
{
	if (!reader)
		return;
	database_close(reader->database);
	vec_each(kind, &reader->kinds) {
		vec_done(&kind->columns.list);
		free(kind->select);
	}
	vec_done(&reader->kinds);
	forget_texts(reader);
	vec_done(&reader->texts);
	index_done(&reader->by_id);
	free(reader);
}

const struct columns *store_columns(const struct store_reader *reader, const struct schema *schema)
{
	vec_each(kind, &reader->kinds)
		if (kind->schema == schema)
			return &kind->columns;
	return NULL;
}

static bool text_same(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct store_reader *)owner)->texts.data[entry].id == *(const int64_t *)key;
}

/* A text by its number; numbers are never given to another text while rows refer to them. */
static const char *text_of(struct store_reader *reader, int64_t id)
{
	uint64_t hash = hash_mix(0, (uint64_t)id);
	uint32_t entry = index_find(&reader->by_id, hash, text_same, reader, &id);
	struct known_text known = { .id = id };

	if (entry != INDEX_NONE)
		return reader->texts.data[entry].text;
	if (reader->texts.len == STORE_READER_TEXTS)
		forget_texts(reader);
	sqlite3_bind_int64(reader->text, 1, id);
	if (sqlite3_step(reader->text) == SQLITE_ROW)
		known.text = strdup((const char *)sqlite3_column_text(reader->text, 0) ?: "");
	sqlite3_reset(reader->text);
	if (!known.text)
		return NULL;
	if (vec_reserve(&reader->texts, 1) ||
	    index_add(&reader->by_id, hash, (uint32_t)reader->texts.len)) {
		free(known.text);
		return NULL;
	}
	reader->texts.data[reader->texts.len++] = known;
	return known.text;
}

static int64_t id_of(struct store_reader *reader, const char *text)
{
	int64_t id = 0;

	sqlite3_bind_text(reader->id, 1, text, -1, SQLITE_STATIC);
	if (sqlite3_step(reader->id) == SQLITE_ROW)
		id = sqlite3_column_int64(reader->id, 0);
	sqlite3_reset(reader->id);
	return id;
}

/* " AND "x" = ?"; the value of filter n is parameter 10 + 2n, and as a text 11 + 2n. */
static void put_filter(FILE *out, const struct column *column, const struct store_filter *filter,
		       size_t number)
{
	static const char *const signs[] = {
		[STORE_EQUAL] = "=",
		[STORE_UNEQUAL] = "<>",
		[STORE_AT_LEAST] = ">=",
		[STORE_AT_MOST] = "<=",
	};
	const char *sign = signs[filter->compare];
	int parameter = 10 + 2 * (int)number;

	if (filter->is_number)
		fprintf(out, " AND \"%s\" %s ?%d", column->name, sign, parameter);
	else if (column->kind == COLUMN_STRING)
		fprintf(out, " AND \"%s\" %s ?%d", column->name, sign, parameter);
	else
		fprintf(out, " AND (\"%s\" %s ?%d %s \"%s\" %s ?%d)", column->name, sign, parameter,
			filter->compare == STORE_UNEQUAL ? "AND" : "OR", column->name, sign,
			parameter + 1);
}

static void put_order(FILE *out, const struct store_query *query)
{
	const char *way = query->newest_first ? " DESC" : "";
	const char *sign = query->newest_first ? "<" : ">";

	if (query->after_at || query->after_seq) {
		if (query->by_seq)
			fprintf(out, " AND seq %s ?4", sign);
		else
			fprintf(out, " AND (at_unix_ns, seq) %s (?3, ?4)", sign);
	}
	if (query->by_seq)
		fprintf(out, " ORDER BY seq%s", way);
	else
		fprintf(out, " ORDER BY at_unix_ns%s, seq%s", way, way);
	if (query->limit)
		fprintf(out, " LIMIT %zu", query->limit);
}

/* NULL in @ret_sql: the kind lacks a column that a filter names. */
static int make_sql(const struct reader_kind *kind, const struct store_query *query, char **ret_sql)
{
	size_t len;
	FILE *out;

	*ret_sql = NULL;
	for (size_t i = 0; i < query->filter_count; i++)
		if (!columns_find(&kind->columns, query->filters[i].column))
			return 0;
	out = open_memstream(ret_sql, &len);
	if (!out)
		return -ENOMEM;
	/* What goes on for some time belongs to every span that it has a part in. */
	fprintf(out, "%s WHERE %s", kind->select,
		kind->schema->shape == SCHEMA_JOINED ? "(NOT is_over OR ended_unix_ns >= ?1)"
						     : "at_unix_ns >= ?1");
	if (query->end_unix_ns)
		fputs(" AND at_unix_ns < ?2", out);
	for (size_t i = 0; i < query->filter_count; i++)
		put_filter(out, columns_find(&kind->columns, query->filters[i].column),
			   &query->filters[i], i);
	put_order(out, query);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static void bind_query(struct store_reader *reader, sqlite3_stmt *statement,
		       const struct store_query *query)
{
	sqlite3_bind_int64(statement, 1, (int64_t)query->start_unix_ns);
	sqlite3_bind_int64(statement, 2, (int64_t)query->end_unix_ns);
	sqlite3_bind_int64(statement, 3, (int64_t)query->after_at);
	sqlite3_bind_int64(statement, 4, (int64_t)query->after_seq);
	for (size_t i = 0; i < query->filter_count; i++) {
		const struct store_filter *filter = &query->filters[i];
		int at = 10 + 2 * (int)i;

		if (filter->is_number) {
			sqlite3_bind_int64(statement, at, filter->number);
			continue;
		}
		sqlite3_bind_int64(statement, at, id_of(reader, filter->text));
		sqlite3_bind_text(statement, at + 1, filter->text, -1, SQLITE_STATIC);
	}
}

/* Return: 1 with a row; 0 without; -errno. */
static int next_row(struct store_row *row)
{
	int code = sqlite3_step(row->statement);

	if (code == SQLITE_DONE)
		return 0;
	if (code != SQLITE_ROW)
		return database_fail(row->reader->database, "read");
	row->seq = (uint64_t)sqlite3_column_int64(row->statement, 0);
	row->at = (uint64_t)sqlite3_column_int64(row->statement, 1);
	return 1;
}

struct cursors {
	vec(struct store_row) rows;
};

static int open_cursor(struct store_reader *reader, const struct reader_kind *kind,
		       const struct store_query *query, struct cursors *cursors)
{
	struct store_row row = { .reader = reader, .kind = kind };
	own(freep) char *sql = NULL;
	int err;

	if (!kind->select)
		return 0;
	err = make_sql(kind, query, &sql);
	if (err || !sql)
		return err;
	if (sqlite3_prepare_v2(reader->database, sql, -1, &row.statement, NULL) != SQLITE_OK)
		return database_fail(reader->database, "read");
	bind_query(reader, row.statement, query);
	err = next_row(&row);
	if (err > 0)
		err = vec_push(&cursors->rows, row) ?: 1;
	if (err <= 0)
		sqlite3_finalize(row.statement);
	return err < 0 ? err : 0;
}

static bool is_wanted(const struct store_query *query, const struct schema *schema)
{
	for (const struct schema *const *one = query->schemas; *one; one++)
		if (*one == schema)
			return true;
	return false;
}

static bool comes_first(const struct store_query *query, const struct store_row *a,
			const struct store_row *b)
{
	bool is_before = query->by_seq || a->at == b->at ? a->seq < b->seq : a->at < b->at;

	return is_before != query->newest_first;
}

static int merge(const struct store_query *query, struct cursors *cursors,
		 int (*each)(void *context, struct store_row *row), void *context)
{
	size_t count = 0;
	int err = 0;

	while (!err && cursors->rows.len && (!query->limit || count < query->limit)) {
		struct store_row *first = cursors->rows.data;

		vec_each(row, &cursors->rows)
			if (comes_first(query, row, first))
				first = row;
		err = each(context, first);
		count++;
		if (err)
			break;
		err = next_row(first);
		if (err == 0) {
			sqlite3_finalize(first->statement);
			*first = cursors->rows.data[--cursors->rows.len];
		}
		err = err < 0 ? err : 0;
	}
	return err;
}

sqlite3 *reader_database(struct store_reader *reader)
{
	return reader->database;
}

const char *reader_text(struct store_reader *reader, int64_t id)
{
	return text_of(reader, id);
}

bool reader_has_waits(struct store_reader *reader)
{
	bool has = false;

	return database_has_column(reader->database, "wait_row", "stack", &has) == 0 && has;
}

void reader_begin(struct store_reader *reader, uint64_t read_ns)
{
	reader->until_cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) + read_ns;
	reader->until_mono_ns = clock_mono_ns() + STORE_READ_PATIENCE * read_ns;
	sqlite3_exec(reader->database, "BEGIN", NULL, NULL, NULL);
}

void reader_end(struct store_reader *reader)
{
	sqlite3_exec(reader->database, "COMMIT", NULL, NULL, NULL);
	reader->until_mono_ns = 0;
}

int store_read(struct store_reader *reader, const struct store_query *query,
	       int (*each)(void *context, struct store_row *row), void *context)
{
	struct cursors cursors = { 0 };
	int err = 0;

	reader_begin(reader, STORE_READ_NS);
	vec_each(kind, &reader->kinds)
		if (!err && is_wanted(query, kind->schema))
			err = open_cursor(reader, kind, query, &cursors);
	err = err ?: merge(query, &cursors, each, context);
	vec_each(row, &cursors.rows)
		sqlite3_finalize(row->statement);
	vec_done(&cursors.rows);
	reader_end(reader);
	if (err == -ETIME)
		hint("ask for a shorter span of time, or with more conditions");
	return err;
}

const struct schema *store_row_schema(const struct store_row *row)
{
	return row->kind->schema;
}

const struct columns *store_row_columns(const struct store_row *row)
{
	return &row->kind->columns;
}

uint64_t store_row_seq(const struct store_row *row)
{
	return row->seq;
}

uint64_t store_row_at(const struct store_row *row)
{
	return row->at;
}

struct store_value store_row_value(struct store_row *row, size_t column)
{
	enum column_kind kind = row->kind->columns.list.data[column].kind;
	int at = (int)column + 2;
	int type = sqlite3_column_type(row->statement, at);
	struct store_value value = { .kind = STORE_NULL };

	if (type == SQLITE_NULL)
		return value;
	if (type == SQLITE_TEXT) {
		value.kind = STORE_TEXT;
		value.text = (const char *)sqlite3_column_text(row->statement, at);
		return value;
	}
	value.number = sqlite3_column_int64(row->statement, at);
	value.kind = STORE_NUMBER;
	if (kind == COLUMN_NUMBER || kind == COLUMN_BOOL)
		return value;
	value.text = text_of(row->reader, value.number);
	value.kind = value.text ? STORE_TEXT : STORE_NULL;
	return value;
}

const char *store_row_container(struct store_row *row, size_t column)
{
	sqlite3_stmt *statement = row->reader->container;

	if (sqlite3_column_type(row->statement, (int)column + 2) == SQLITE_NULL)
		return NULL;
	sqlite3_reset(statement);
	sqlite3_bind_int64(statement, 1, sqlite3_column_int64(row->statement, (int)column + 2));
	return sqlite3_step(statement) == SQLITE_ROW
		       ? (const char *)sqlite3_column_text(statement, 0)
		       : NULL;
}

int store_read_number(struct store_reader *reader, const char *sql, int64_t *ret_number)
{
	return database_number(reader->database, sql, ret_number);
}
