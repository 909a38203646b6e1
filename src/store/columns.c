/* SPDX-License-Identifier: MIT */
#include "store/columns.h"

#include <stdio.h>
#include <string.h>

static int add(struct columns *columns, const struct field *field, enum column_kind kind,
	       enum column_part part, const char *format, const char *name)
{
	struct column column = { .field = field, .kind = kind, .part = part };

	snprintf(column.name, sizeof(column.name), format, name);
	return vec_push(&columns->list, column);
}

static int add_histogram(struct columns *columns, const struct field *field)
{
	static const struct {
		enum column_part part;
		const char *format;
	} parts[] = {
		{ PART_COUNT_OF, "%s_count" }, { PART_SUM, "%s_sum_ns" }, { PART_MAX, "%s_max_ns" },
		{ PART_P50, "%s_p50_ns" },     { PART_P90, "%s_p90_ns" }, { PART_P99, "%s_p99_ns" },
	};
	int err = 0;

	for (size_t i = 0; !err && i < array_len(parts); i++)
		err = add(columns, field, COLUMN_NUMBER, parts[i].part, parts[i].format,
			  field->name);
	return err ?: add(columns, field, COLUMN_BUCKETS, PART_BUCKETS, "%s_buckets", field->name);
}

static int add_field(struct columns *columns, const struct field *field)
{
	int err;

	switch (field->kind) {
	case FIELD_BOOL:
		return add(columns, field, COLUMN_BOOL, PART_WHOLE, "%s", field->key);
	case FIELD_CHARS:
	case FIELD_ENUM:
		return add(columns, field, COLUMN_STRING, PART_WHOLE, "%s", field->key);
	case FIELD_HISTOGRAM:
		return add_histogram(columns, field);
	case FIELD_WORDS:
		return add(columns, field, COLUMN_WORDS, PART_WHOLE, "%s", field->key);
	case FIELD_UNSIGNED:
	case FIELD_SIGNED:
		err = add(columns, field, COLUMN_NUMBER, PART_WHOLE, "%s", field->key);
		if (!err && (field->unit == UNIT_CGROUP || field->unit == UNIT_SYSCALL))
			err = add(columns, field, COLUMN_STRING, PART_MEANING, "%s", field->name);
		return err;
	default:
		if (field->unit == UNIT_CGROUP)
			return add(columns, field, COLUMN_STRING, PART_MEANING, "%s", field->name);
		return add(columns, field, COLUMN_TEXT, PART_WHOLE, "%s", field->key);
	}
}

int columns_of(const struct schema *schema, struct columns *columns)
{
	int err = 0;

	for (size_t i = 0; !err && i < schema->field_count; i++)
		err = add_field(columns, &schema->fields[i]);
	return err;
}

const struct column *columns_find(const struct columns *columns, const char *name)
{
	vec_each(column, &columns->list)
		if (strcmp(column->name, name) == 0)
			return column;
	return NULL;
}

void columns_table(const struct schema *schema, char *name)
{
	snprintf(name, COLUMNS_TABLE_BYTES, "%s_%s", schema->collector, schema->event);
	for (char *at = name; *at; at++)
		if (*at == '-' || *at == ' ')
			*at = '_';
}
