/* SPDX-License-Identifier: MIT */
#include "serve/rows.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

void rows_time(uint64_t unix_ns, char *text)
{
	time_t seconds = (time_t)(unix_ns / NS_PER_S);
	struct tm parts;
	size_t len;

	gmtime_r(&seconds, &parts);
	len = strftime(text, ROWS_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + len, ROWS_TIME_BYTES - len, ".%09uZ", (unsigned)(unix_ns % NS_PER_S));
}

void rows_put_u64(struct json *json, const char *key, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	json_text(json, key, text);
}

void rows_put_instant(struct json *json, const char *name, uint64_t unix_ns)
{
	char key[32], time[ROWS_TIME_BYTES];

	snprintf(key, sizeof(key), "%s_unix_ns", name);
	rows_put_u64(json, key, unix_ns);
	snprintf(key, sizeof(key), "%s_time", name);
	rows_time(unix_ns, time);
	json_text(json, key, time);
}

void rows_put_lost(struct json *json, uint64_t count)
{
	if (count == STORE_LOST_UNKNOWN)
		json_null(json, "lost");
	else
		json_u64(json, "lost", count);
}

bool rows_is_large(const struct column *column)
{
	const struct field *field = column->field;

	if (column->kind != COLUMN_NUMBER || column->part != PART_WHOLE ||
	    field->kind != FIELD_UNSIGNED || field->size < 8)
		return false;
	return field->unit == UNIT_MONO_NS || field->unit == UNIT_CGROUP ||
	       field->unit == UNIT_BYTES || field->unit == UNIT_NONE;
}

static void put_number(struct json *json, const struct column *column, int64_t number)
{
	char key[80], time[ROWS_TIME_BYTES];

	if (column->kind == COLUMN_BOOL)
		json_bool(json, column->name, number != 0);
	else if (rows_is_large(column))
		rows_put_u64(json, column->name, (uint64_t)number);
	else if (column->field->kind == FIELD_SIGNED)
		json_i64(json, column->name, number);
	else
		json_u64(json, column->name, (uint64_t)number);
	if (column->field->unit != UNIT_MONO_NS)
		return;
	rows_time((uint64_t)number, time);
	/* The first instant of a record is its time. */
	if (strcmp(column->name, "at_unix_ns") == 0)
		strcpy(key, "time");
	else
		snprintf(key, sizeof(key), "%s_time", column->field->name);
	json_text(json, key, time);
}

/* What the columns of a histogram hold is one object. */
static void put_histogram(struct json *json, struct store_row *row, size_t *at)
{
	static const char *const keys[] = {
		[PART_COUNT_OF] = "count", [PART_SUM] = "sum_ns", [PART_MAX] = "max_ns",
		[PART_P50] = "p50_ns",     [PART_P90] = "p90_ns", [PART_P99] = "p99_ns",
	};
	const struct columns *columns = store_row_columns(row);
	const struct field *field = columns->list.data[*at].field;

	if (store_row_value(row, *at).kind == STORE_NULL) {
		json_null(json, field->name);
		while (*at + 1 < columns->list.len && columns->list.data[*at + 1].field == field)
			(*at)++;
		return;
	}
	json_object(json, field->name);
	for (;; (*at)++) {
		const struct column *column = &columns->list.data[*at];
		struct store_value value = store_row_value(row, *at);

		if (column->part == PART_BUCKETS) {
			json_raw(json, "buckets", value.kind == STORE_TEXT ? value.text : "[]");
			break;
		}
		json_u64(json, keys[column->part], (uint64_t)value.number);
	}
	json_object_end(json);
}

static void put_container(struct json *json, struct store_row *row, size_t at)
{
	const struct column *column = &store_row_columns(row)->list.data[at];
	char key[80] = "container";

	if (column->field->unit != UNIT_CGROUP || column->part != PART_MEANING)
		return;
	if (strcmp(column->name, "cgroup") != 0)
		snprintf(key, sizeof(key), "%s_container", column->name);
	json_text(json, key, store_row_container(row, at));
}

void rows_put(struct json *json, struct store_row *row)
{
	const struct schema *schema = store_row_schema(row);
	const struct columns *columns = store_row_columns(row);

	rows_put_u64(json, "seq", store_row_seq(row));
	json_text(json, "collector", schema->collector);
	json_text(json, "event", schema->event);
	for (size_t i = 0; i < columns->list.len; i++) {
		const struct column *column = &columns->list.data[i];
		struct store_value value;

		if (column->part >= PART_COUNT_OF) {
			put_histogram(json, row, &i);
			continue;
		}
		value = store_row_value(row, i);
		if (value.kind == STORE_NULL)
			json_null(json, column->name);
		else if (value.kind == STORE_NUMBER)
			put_number(json, column, value.number);
		else if (column->kind == COLUMN_WORDS)
			json_raw(json, column->name, value.text);
		else
			json_text(json, column->name, value.text);
		put_container(json, row, i);
	}
}

void rows_put_loss(struct json *json, const struct store_loss_row *loss)
{
	json_text(json, "collector", loss->collector);
	json_text(json, "event", loss->event);
	json_text(json, "reason", loss->why);
	if (loss->has_count)
		json_u64(json, "count", loss->count);
	else
		json_null(json, "count");
	rows_put_u64(json, "from_unix_ns", loss->from_unix_ns);
	rows_put_u64(json, "to_unix_ns", loss->to_unix_ns);
}
