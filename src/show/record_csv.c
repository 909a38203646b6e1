/* SPDX-License-Identifier: MIT */
/* record_csv.c - records as comma-separated values (RFC 4180), one header for all kinds.
 *
 * The columns are `collector`, `event`, and every key that any of the kinds has, as in JSON; what a
 * record does not have, or what was not measured, is empty.  Arguments stand in one column, separated
 * by blanks.  Of a histogram there are NAME_count, NAME_sum_ns, NAME_p50_ns, NAME_p90_ns, NAME_p99_ns
 * and NAME_max_ns.  Losses are rows with the event `lost`, the kind in `of` and their number in `count`.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "model/histogram.h"
#include "show/record_sinks.h"

struct record_csv {
	vec(const struct field *) columns; /* one field for each key, whatever schema it is of */
	char *text;                        /* RECORD_TEXT_BYTES */
};

static const char *const parts[] = { "count", "sum_ns", "p50_ns", "p90_ns", "p99_ns", "max_ns" };

static int add_column(struct record_csv *csv, const struct field *field)
{
	vec_each(column, &csv->columns)
		if (strcmp((*column)->key, field->key) == 0)
			return 0;
	return vec_push(&csv->columns, field);
}

static int csv_begin(struct record_target *target)
{
	struct record_csv *csv = calloc(1, sizeof(*csv));
	int err = csv ? 0 : -ENOMEM;

	if (err)
		return err;
	target->state = csv;
	csv->text = malloc(RECORD_TEXT_BYTES);
	for (size_t i = 0; !err && i < target->view_count; i++)
		for (const struct schema *const *one = target->views[i].schemas; !err && *one;
		     one++)
			for (size_t j = 0; !err && j < (*one)->field_count; j++)
				err = add_column(csv, &(*one)->fields[j]);
	fputs("collector,event,of,count", target->out);
	vec_each(column, &csv->columns) {
		if ((*column)->kind != FIELD_HISTOGRAM) {
			fprintf(target->out, ",%s", (*column)->key);
			continue;
		}
		for (size_t i = 0; i < array_len(parts); i++)
			fprintf(target->out, ",%s_%s", (*column)->name, parts[i]);
	}
	putc('\n', target->out);
	return err ?: csv->text ? 0 : -ENOMEM;
}

/* What is no UTF-8 becomes U+FFFD, as in JSON. */
static void put_text(FILE *out, const char *text)
{
	for (const char *from = text; *text; from = text) {
		if (*text == '"')
			putc('"', out);
		if (text_next(&text) == UINT32_MAX)
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(from, 1, (size_t)(text - from), out);
	}
}

static void put_quoted(FILE *out, const char *text)
{
	bool is_quoted = strpbrk(text, ",\"\r\n");

	if (is_quoted)
		putc('"', out);
	put_text(out, text);
	if (is_quoted)
		putc('"', out);
}

static void put_histogram(FILE *out, const struct record *record, const struct field *field)
{
	struct histogram histogram;

	memcpy(&histogram, record->bytes + field->offset, sizeof(histogram));
	fprintf(out, "%" PRIu64 ",%" PRIu64, histogram_count(&histogram), histogram.sum);
	fprintf(out, ",%" PRIu64 ",%" PRIu64, histogram_quantile(&histogram, 0.5),
		histogram_quantile(&histogram, 0.9));
	fprintf(out, ",%" PRIu64 ",%" PRIu64, histogram_quantile(&histogram, 0.99), histogram.max);
}

static void put_value(struct record_target *target, const struct record *record,
		      const struct field *field)
{
	const struct record_csv *csv = target->state;

	if (!record_has(record, field)) {
		for (size_t i = 1; field->kind == FIELD_HISTOGRAM && i < array_len(parts); i++)
			putc(',', target->out);
		return;
	}
	switch (field->kind) {
	case FIELD_UNSIGNED:
		fprintf(target->out, "%" PRIu64,
			record_u64(record, field) +
				(field->unit == UNIT_MONO_NS ? target->unix_offset_ns : 0));
		break;
	case FIELD_SIGNED:
		fprintf(target->out, "%" PRId64, (int64_t)record_u64(record, field));
		break;
	case FIELD_BOOL:
		fputs(record_u64(record, field) ? "true" : "false", target->out);
		break;
	case FIELD_ENUM:
		put_quoted(target->out, record_enum(record, field));
		break;
	case FIELD_HISTOGRAM:
		put_histogram(target->out, record, field);
		break;
	default:
		record_text(record, field, csv->text);
		put_quoted(target->out, csv->text);
	}
}

static const struct field *field_by_key(const struct schema *schema, const char *key)
{
	for (size_t i = 0; i < schema->field_count; i++)
		if (strcmp(schema->fields[i].key, key) == 0)
			return &schema->fields[i];
	return NULL;
}

static int csv_record(struct record_target *target, const struct record *record)
{
	const struct record_csv *csv = target->state;

	fprintf(target->out, "%s,%s,,", record->schema->collector, record->schema->event);
	vec_each(column, &csv->columns) {
		const struct field *field = field_by_key(record->schema, (*column)->key);

		putc(',', target->out);
		if (field)
			put_value(target, record, field);
		else if ((*column)->kind == FIELD_HISTOGRAM)
			for (size_t i = 1; i < array_len(parts); i++)
				putc(',', target->out);
	}
	putc('\n', target->out);
	return 0;
}

static int csv_loss(struct record_target *target, const struct record_loss *loss)
{
	const struct record_csv *csv = target->state;

	fprintf(target->out, "%s,lost,%s,%" PRIu64, loss->collector, loss->event, loss->count);
	vec_each(column, &csv->columns) {
		size_t blanks = (*column)->kind == FIELD_HISTOGRAM ? array_len(parts) : 1;

		while (blanks--)
			putc(',', target->out);
	}
	putc('\n', target->out);
	return 0;
}

static int csv_end(struct record_target *target, const struct coverage *coverage)
{
	struct record_csv *csv = target->state;

	(void)coverage; /* said on standard error */
	vec_done(&csv->columns);
	free(csv->text);
	free(csv);
	target->state = NULL;
	return 0;
}

const struct record_sink show_record_csv = {
	.name = "csv",
	.begin = csv_begin,
	.record = csv_record,
	.loss = csv_loss,
	.end = csv_end,
};
