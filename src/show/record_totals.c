/* SPDX-License-Identifier: MIT */
/* record_totals.c - what was added up, as tables and drawn histograms. */
#include <string.h>

#include "show/format.h"
#include "show/record_text.h"

/* A field of the heading: what a row is told by. */
static bool is_heading(const struct record_view *view, const struct field *field)
{
	if (field->is_key)
		return true;
	for (const char *const *name = view->group; name && *name; name++)
		if (strcmp(*name, field->name) == 0)
			return true;
	return false;
}

static bool is_heading_of(const struct record_view *view, const struct schema *schema,
			  const struct field *field)
{
	if (schema->shape == SCHEMA_TABLE)
		return field->is_key || field->kind == FIELD_CHARS;
	return is_heading(view, field);
}

static bool has_histogram(const struct schema *schema)
{
	for (size_t i = 0; i < schema->field_count; i++)
		if (schema->fields[i].kind == FIELD_HISTOGRAM)
			return true;
	return false;
}

/* "disk latency  device vda, operation read" */
static int put_drawn(const struct record_target *target, const struct totals_row *row)
{
	const struct schema *schema = row->schema;
	const struct record_view *view = view_of(target, schema);
	own(freep) char *text = malloc(RECORD_TEXT_BYTES);
	struct record record = totals_record(row);

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *field = &schema->fields[i];

		if (field->kind != FIELD_HISTOGRAM)
			continue;
		fprintf(target->out, "\n%s %s", schema->collector, field->name);
		for (size_t j = 0; j < schema->field_count; j++) {
			if (!is_heading_of(view, schema, &schema->fields[j]))
				continue;
			record_value(target, &record, &schema->fields[j], text);
			fprintf(target->out, ", %s ", schema->fields[j].name);
			put_cell(target, text, 0, false);
		}
		putc('\n', target->out);
		histogram_put(target, totals_histogram(row, field));
	}
	return 0;
}

/* Columns of a field with its name above. */
static unsigned columns_of(const struct field *field)
{
	unsigned name = (unsigned)strlen(field->name), value = record_column(field);

	return value && name > value ? name : value;
}

static void put_table_head(const struct record_target *target, const struct schema *schema)
{
	const struct record_view *view = view_of(target, schema);

	fprintf(target->out, "\n%s %s%s%s\n", schema->collector, schema->event,
		*schema->help ? ": " : "", schema->help);
	if (target->colour)
		fputs("\033[1m", target->out);
	if (schema->shape != SCHEMA_TABLE)
		fprintf(target->out, "%10s", "COUNT");
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *field = &schema->fields[i];

		if (is_heading_of(view, schema, field))
			fprintf(target->out, "  %-*s", (int)columns_of(field), field->name);
	}
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *field = &schema->fields[i];

		if (totals_is_sum(field))
			fprintf(target->out, "  %*s", (int)columns_of(field), field->name);
	}
	if (target->colour)
		fputs("\033[0m", target->out);
	putc('\n', target->out);
}

static int put_row(const struct record_target *target, const struct totals_row *row)
{
	const struct schema *schema = row->schema;
	const struct record_view *view = view_of(target, schema);
	own(freep) char *text = malloc(RECORD_TEXT_BYTES);
	struct record record = totals_record(row);

	if (!text)
		return -ENOMEM;
	if (schema->shape != SCHEMA_TABLE)
		fprintf(target->out, "%10s", format_count(row->count).text);
	for (size_t i = 0; i < schema->field_count; i++) {
		if (!is_heading_of(view, schema, &schema->fields[i]))
			continue;
		record_value(target, &record, &schema->fields[i], text);
		fputs("  ", target->out);
		put_cell(target, text, columns_of(&schema->fields[i]), false);
	}
	for (size_t i = 0; i < schema->field_count; i++) {
		if (!totals_is_sum(&schema->fields[i]))
			continue;
		number_value(target, schema->fields[i].unit, row->sums[i], text);
		fputs("  ", target->out);
		put_cell(target, text, columns_of(&schema->fields[i]), true);
	}
	putc('\n', target->out);
	return 0;
}

int totals_put(const struct record_target *target, const struct totals *totals, size_t most)
{
	own(freep) uint32_t *order = totals_order(totals);
	const struct schema *before = NULL;
	size_t shown = 0, left_out = 0;
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < totals->rows.len; i++) {
		const struct totals_row *row = &totals->rows.data[order[i]];

		if (row->schema != before) {
			if (left_out)
				fprintf(target->out, "  and %s more\n",
					format_count(left_out).text);
			shown = left_out = 0;
			if (!has_histogram(row->schema))
				put_table_head(target, row->schema);
		}
		before = row->schema;
		if (shown++ >= most)
			left_out++;
		else
			err = has_histogram(row->schema) ? put_drawn(target, row)
							 : put_row(target, row);
	}
	if (left_out)
		fprintf(target->out, "  and %s more\n", format_count(left_out).text);
	if (totals->refused)
		fprintf(target->out, "  and %s records of kinds for which there was no room\n",
			format_count(totals->refused).text);
	return err;
}
