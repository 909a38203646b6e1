/* SPDX-License-Identifier: MIT */
/* record_table.c - records for a terminal: events as aligned lines as they come, and what is counted
 * as tables and histograms at the end; on a terminal also below the events, in place:
 *
 *     01:07:45.502  io        events that came, which scroll away
 *     01:07:45.731  io
 *     disk service, ...       the picture: drawn over at every interval, and moved down by what comes
 *
 * Of one collector its columns are shown; of several, what stands in them as NAME=VALUE.  With
 * `summary` (record_summary) events are added up, too, by the fields that the collector names.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/text.h"
#include "show/format.h"
#include "show/record_sinks.h"
#include "show/record_text.h"

#define ROWS_MOST     20
#define ROWS_USUAL    24   /* of a terminal that does not tell */
#define HEADING_EVERY 1000 /* lines, on a terminal less would be in view */
#define EVENT_COLUMNS 12
#define HEAD_COLUMNS  52 /* of time, event, process and name */
#define LEAST_COLUMNS 20 /* of a text, whatever the terminal is like */

struct record_table {
	struct totals totals;
	char *text; /* RECORD_TEXT_BYTES */
	bool only_totals;
	uint64_t lines;
	unsigned rows;  /* of the terminal */
	unsigned drawn; /* lines of the picture that stand below the events */
	uint64_t drawn_ns;
};

static bool has_events(const struct record_target *target)
{
	for (size_t i = 0; i < target->view_count; i++)
		for (const struct schema *const *one = target->views[i].schemas; *one; one++)
			if ((*one)->shape == SCHEMA_EVENTS)
				return true;
	return false;
}

/* It may change at any time. */
static void look_at_width(struct record_target *target)
{
	struct record_table *table = target->state;
	struct winsize size = { 0 };

	if (!target->in_place || ioctl(fileno(target->out), TIOCGWINSZ, &size))
		return;
	target->width = size.ws_col;
	table->rows = size.ws_row;
}

static void erase_picture(struct record_target *target)
{
	struct record_table *table = target->state;

	if (table->drawn)
		fprintf(target->out, "\033[%uF\033[J", table->drawn);
	table->drawn = 0;
}

/* What is longer than the terminal is high could not be drawn over, and half of it is for events; what is
 * wider is cut by the terminal.
 */
static void put_picture(struct record_target *target, const char *text)
{
	struct record_table *table = target->state;
	unsigned rows = table->rows ?: ROWS_USUAL, most = table->only_totals ? rows - 1 : rows / 2;
	const char *end;

	fputs("\033[?7l", target->out);
	for (; (end = strchr(text, '\n')) != NULL && table->drawn < most; text = end + 1) {
		bool is_cut = table->drawn + 1 == most && end[1];

		if (is_cut)
			fputs("  ...", target->out);
		else
			fwrite(text, 1, (size_t)(end - text), target->out);
		putc('\n', target->out);
		table->drawn++;
	}
	fputs("\033[?7h", target->out);
}

static int draw_picture(struct record_target *target)
{
	struct record_table *table = target->state;
	FILE *out = target->out;
	own(freep) char *text = NULL;
	size_t len;
	FILE *memory = open_memstream(&text, &len);
	int err;

	if (!memory)
		return -ENOMEM;
	target->out = memory;
	err = totals_put(target, &table->totals, ROWS_MOST);
	target->out = out;
	if (fclose(memory) && !err)
		err = -ENOMEM;
	if (!err)
		put_picture(target, text);
	return err;
}

static int begin(struct record_target *target, bool only_totals)
{
	struct record_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	target->state = table;
	look_at_width(target);
	table->only_totals = only_totals || !has_events(target);
	table->text = malloc(RECORD_TEXT_BYTES);
	return table->text ? 0 : -ENOMEM;
}

static int table_begin(struct record_target *target)
{
	return begin(target, false);
}

static int summary_begin(struct record_target *target)
{
	return begin(target, true);
}

/* A column of a collector, "errno" or of one kind of record "exec-failed.file"; NULL where the records of
 * this kind do not have it.
 */
static const struct field *field_of_column(const char *name, const struct schema *schema)
{
	const char *dot = strchr(name, '.');

	if (!dot)
		return schema_field(schema, name);
	if (strncmp(schema->event, name, (size_t)(dot - name)) != 0 || schema->event[dot - name])
		return NULL;
	return schema_field(schema, dot + 1);
}

/* The field that stands for a column; NULL where nothing that is watched has it. */
static const struct field *column_of(const struct record_target *target, const char *name)
{
	const struct record_view *view = &target->views[0];
	const struct field *field = NULL;

	for (const struct schema *const *one = view->schemas; !field && *one; one++)
		if ((*one)->shape == SCHEMA_EVENTS)
			field = field_of_column(name, *one);
	return field;
}

static bool is_number(const struct field *field)
{
	return field->kind == FIELD_UNSIGNED || field->kind == FIELD_SIGNED;
}

static void put_heading(const struct record_target *target)
{
	if (target->colour)
		fputs("\033[1m", target->out);
	fprintf(target->out, "%-12s  %-*s  %7s  %-15s", "TIME", EVENT_COLUMNS, "EVENT", "PID",
		"COMM");
	for (const char *const *name = target->views[0].columns; target->view_count == 1 && *name;
	     name++) {
		const struct field *field = column_of(target, *name);
		int columns = field ? (int)record_column(field) : 0;

		if (!columns && name[1])
			columns = LEAST_COLUMNS;
		if (field)
			fprintf(target->out, "  %*s", is_number(field) ? columns : -columns,
				field->name);
	}
	if (target->colour)
		fputs("\033[0m", target->out);
	putc('\n', target->out);
}

/* Columns for a text that takes what is left of the line; 0: any number. */
static unsigned columns_left(const struct record_target *target, unsigned used)
{
	if (!target->width)
		return 0;
	return target->width > used + LEAST_COLUMNS ? target->width - used : LEAST_COLUMNS;
}

/* A text that is not the last is not cut. */
static unsigned text_columns_at_least(const char *text)
{
	unsigned columns = (unsigned)text_columns(text);

	return columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns;
}

static void put_columns(const struct record_target *target, const struct record *record, char *text)
{
	unsigned used = HEAD_COLUMNS;

	for (const char *const *name = target->views[0].columns; *name; name++) {
		const struct field *column = column_of(target, *name);
		const struct field *field = field_of_column(*name, record->schema);
		unsigned columns = column ? record_column(column) : 0;

		if (!column)
			continue;
		text[0] = '\0';
		if (field)
			record_value(target, record, field, text);
		fputs("  ", target->out);
		used += 2;
		if (!columns)
			columns =
				name[1] ? text_columns_at_least(text) : columns_left(target, used);
		put_cell(target, text, columns, is_number(column));
		used += columns;
	}
}

/* What there is of the columns, with names; a zero says nothing. */
static void put_pairs(const struct record_target *target, const struct record *record, char *text)
{
	const struct record_view *view = view_of(target, record->schema);

	for (const char *const *name = view->columns; *name; name++) {
		const struct field *field = field_of_column(*name, record->schema);

		if (!field || !record_has(record, field) ||
		    (is_number(field) && !record_u64(record, field)))
			continue;
		record_value(target, record, field, text);
		fprintf(target->out, "  %s=", field->name);
		put_cell(target, text, 0, false);
	}
}

static void put_event(struct record_target *target, const struct record *record)
{
	struct record_table *table = target->state;
	static const char *const names[] = { "at", "pid", "comm" };
	const struct field *head[array_len(names)];
	char event[64];

	if (table->lines++ % HEADING_EVERY == 0)
		put_heading(target);
	for (size_t i = 0; i < array_len(names); i++)
		head[i] = schema_field(record->schema, names[i]);
	record_value(target, record, head[0], table->text);
	fprintf(target->out, "%s  ", table->text);
	snprintf(event, sizeof(event), "%s%s%s",
		 target->view_count > 1 ? record->schema->collector : "",
		 target->view_count > 1 ? "." : "", record->schema->event);
	put_cell(target, event, EVENT_COLUMNS, false);
	record_value(target, record, head[1], table->text);
	fputs("  ", target->out);
	put_cell(target, table->text, 7, true);
	record_value(target, record, head[2], table->text);
	fputs("  ", target->out);
	put_cell(target, table->text, 15, false);
	if (target->view_count == 1)
		put_columns(target, record, table->text);
	else
		put_pairs(target, record, table->text);
	putc('\n', target->out);
}

static int table_record(struct record_target *target, const struct record *record)
{
	struct record_table *table = target->state;

	if (record->schema->shape == SCHEMA_TABLE || table->only_totals)
		return totals_add(&table->totals, record, view_of(target, record->schema)->group);
	erase_picture(target);
	put_event(target, record);
	return 0;
}

static int table_loss(struct record_target *target, const struct record_loss *loss)
{
	struct record_table *table = target->state;
	uint64_t unix_ns = loss->to_mono_ns;

	erase_picture(target);
	number_value(target, UNIT_MONO_NS, unix_ns, table->text);
	fprintf(target->out, "%s  %s%s %s %s lost%s\n", table->text,
		target->colour ? "\033[31m" : "", format_count(loss->count).text, loss->collector,
		loss->event, target->colour ? "\033[0m" : "");
	return 0;
}

static int table_flush(struct record_target *target)
{
	struct record_table *table = target->state;
	uint64_t now = clock_mono_ns();

	look_at_width(target);
	if (!target->in_place || !table->totals.rows.len ||
	    (table->drawn && now < table->drawn_ns + target->interval_ns))
		return 0;
	table->drawn_ns = now;
	erase_picture(target);
	return draw_picture(target);
}

static int table_end(struct record_target *target, const struct coverage *coverage)
{
	struct record_table *table = target->state;
	int err = 0;

	(void)coverage; /* said on standard error */
	erase_picture(target);
	err = totals_put(target, &table->totals, ROWS_MOST);
	totals_done(&table->totals);
	free(table->text);
	free(table);
	target->state = NULL;
	return err;
}

const struct record_sink show_record_table = {
	.name = "table",
	.begin = table_begin,
	.record = table_record,
	.loss = table_loss,
	.flush = table_flush,
	.end = table_end,
};

const struct record_sink show_record_summary = {
	.name = "summary",
	.begin = summary_begin,
	.record = table_record,
	.loss = table_loss,
	.flush = table_flush,
	.end = table_end,
};
