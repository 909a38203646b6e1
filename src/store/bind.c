/* SPDX-License-Identifier: MIT */
/* bind.c - the values of a record, as its columns want them. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "model/container_id.h"
#include "model/histogram.h"
#include "model/syscalls.h"
#include "store/writer.h"

static int bind_string(struct store *store, sqlite3_stmt *insert, int at, const char *text)
{
	int64_t id;
	int err;

	if (!text)
		return sqlite3_bind_null(insert, at) == SQLITE_OK ? 0 : -ENOMEM;
	err = interner_id(&store->interner, text, strlen(text), &id);
	if (!err)
		sqlite3_bind_int64(insert, at, id);
	return err;
}

/* A text of an unbounded vocabulary. */
static int bind_text(struct store *store, sqlite3_stmt *insert, int at, const char *text,
		     size_t len)
{
	int64_t id;
	int err;

	if (!interner_seen(&store->interner, text, len)) {
		sqlite3_bind_text(insert, at, text, (int)len, SQLITE_TRANSIENT);
		return 0;
	}
	err = interner_id(&store->interner, text, len, &id);
	if (!err)
		sqlite3_bind_int64(insert, at, id);
	return err;
}

/* The container is noted when the path of its group is new. */
static int bind_cgroup(struct store *store, sqlite3_stmt *insert, int at, const char *path)
{
	size_t known = store->interner.texts.len;
	char container[CONTAINER_ID_DIGITS + 1];
	int64_t id;
	int err;

	if (!path)
		return sqlite3_bind_null(insert, at) == SQLITE_OK ? 0 : -ENOMEM;
	err = interner_id(&store->interner, path, strlen(path), &id);
	if (err)
		return err;
	sqlite3_bind_int64(insert, at, id);
	if (store->interner.texts.len == known || !container_id(path, container))
		return 0;
	sqlite3_bind_int64(store->insert_container, 1, id);
	sqlite3_bind_text(store->insert_container, 2, container, -1, SQLITE_STATIC);
	return database_step(store->insert_container);
}

static int bind_words(struct store *store, sqlite3_stmt *insert, int at,
		      const struct record *record, const struct field *field)
{
	own(freep) char *safe = NULL;
	struct json json;
	const char *word;
	size_t next = 0, used = 0, len;
	int err;

	rewind(store->words_out);
	json_begin(&json, store->words_out, false);
	json_array(&json, NULL);
	while ((word = record_word(record, field, &next, &len)) != NULL) {
		if (used + len >= RECORD_TEXT_BYTES)
			len = RECORD_TEXT_BYTES - 1 - used;
		memcpy(store->text + used, word, len);
		used += len;
		store->text[used] = '\0';
		used += used + 1 < RECORD_TEXT_BYTES;
	}
	/* Arguments may hold what nobody should read later. */
	err = redact_argv(store->redact, store->text, used, &safe, &used);
	if (err)
		return err;
	for (next = 0; next < used; next += strlen(safe + next) + 1)
		json_text(&json, NULL, safe + next);
	json_array_end(&json);
	if (fflush(store->words_out) != 0)
		return -ENOMEM;
	return bind_text(store, insert, at, store->words, store->words_len);
}

static int bind_buckets(struct store *store, sqlite3_stmt *insert, int at,
			const struct histogram *histogram)
{
	struct json json;

	rewind(store->words_out);
	json_begin(&json, store->words_out, false);
	json_array(&json, NULL);
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!histogram->buckets[i])
			continue;
		json_array(&json, NULL);
		json_u64(&json, NULL, histogram_low(i));
		json_u64(&json, NULL, histogram_high(i));
		json_u64(&json, NULL, histogram->buckets[i]);
		json_array_end(&json);
	}
	json_array_end(&json);
	if (fflush(store->words_out) != 0)
		return -ENOMEM;
	sqlite3_bind_text(insert, at, store->words, (int)store->words_len, SQLITE_TRANSIENT);
	return 0;
}

static int bind_histogram(struct store *store, sqlite3_stmt *insert, int at,
			  const struct record *record, const struct column *column)
{
	struct histogram histogram;
	uint64_t number = 0;

	memcpy(&histogram, record->bytes + column->field->offset, sizeof(histogram));
	switch (column->part) {
	case PART_COUNT_OF:
		number = histogram_count(&histogram);
		break;
	case PART_SUM:
		number = histogram.sum;
		break;
	case PART_MAX:
		number = histogram.max;
		break;
	case PART_P50:
		number = histogram_quantile(&histogram, 0.5);
		break;
	case PART_P90:
		number = histogram_quantile(&histogram, 0.9);
		break;
	case PART_P99:
		number = histogram_quantile(&histogram, 0.99);
		break;
	default:
		return bind_buckets(store, insert, at, &histogram);
	}
	sqlite3_bind_int64(insert, at, (int64_t)number);
	return 0;
}

static int bind_meaning(struct store *store, sqlite3_stmt *insert, int at,
			const struct record_target *target, const struct record *record,
			const struct field *field)
{
	uint64_t number;

	if (field->kind == FIELD_TEXT) {
		record_text(record, field, store->text);
		return bind_cgroup(store, insert, at, store->text);
	}
	number = record_u64(record, field);
	if (field->unit == UNIT_SYSCALL)
		return bind_string(store, insert, at, syscall_name((unsigned)number));
	return bind_cgroup(store, insert, at, target->cgroup_path(target->context, number));
}

static int bind_column(struct store *store, sqlite3_stmt *insert, int at,
		       const struct record_target *target, const struct record *record,
		       const struct column *column)
{
	const struct field *field = column->field;

	if (field->kind != FIELD_WORDS && !record_has(record, field)) {
		sqlite3_bind_null(insert, at);
		return 0;
	}
	if (field->kind == FIELD_HISTOGRAM)
		return bind_histogram(store, insert, at, record, column);
	if (column->part == PART_MEANING)
		return bind_meaning(store, insert, at, target, record, field);
	switch (field->kind) {
	case FIELD_UNSIGNED:
	case FIELD_SIGNED:
	case FIELD_BOOL:
		sqlite3_bind_int64(
			insert, at,
			(int64_t)(record_u64(record, field) +
				  (field->unit == UNIT_MONO_NS ? target->unix_offset_ns : 0)));
		return 0;
	case FIELD_ENUM:
		return bind_string(store, insert, at, record_enum(record, field));
	case FIELD_WORDS:
		return bind_words(store, insert, at, record, field);
	default:
		record_text(record, field, store->text);
		if (column->kind == COLUMN_STRING)
			return bind_string(store, insert, at, store->text);
		return bind_text(store, insert, at, store->text, strlen(store->text));
	}
}

const struct store_kind *writer_kind(const struct store *store, const char *table)
{
	vec_each(kind, &store->kinds)
		if (strcmp(kind->table, table) == 0)
			return kind;
	return NULL;
}

int writer_bind(struct store *store, struct store_kind *kind, const struct record_target *target,
		const struct record *record)
{
	int err = 0, at = 2;

	sqlite3_bind_int64(kind->insert, 1, (int64_t)store->next_seq);
	vec_each(column, &kind->columns.list)
		err = err ?: bind_column(store, kind->insert, at++, target, record, column);
	return err;
}
