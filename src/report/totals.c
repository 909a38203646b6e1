/* SPDX-License-Identifier: MIT */
#include "report/totals.h"

#include <errno.h>
#include <string.h>

/* What becomes of a field. */
enum role {
	ROLE_KEY = 1,
	ROLE_SUM = 2,
	ROLE_MAX = 4, /* beside ROLE_SUM: the greatest one instead */
	ROLE_TEXT = 8,
	ROLE_HISTOGRAM = 16,
};

/* Made once: names are compared for the first record of a kind only. */
struct totals_plan {
	const struct schema *schema;
	const char *const *group;
	uint8_t roles[]; /* by field */
};

bool totals_is_sum(const struct field *field)
{
	if (field->kind != FIELD_UNSIGNED || field->is_key)
		return false;
	return field->unit == UNIT_NS || field->unit == UNIT_BYTES || field->unit == UNIT_COUNT;
}

static bool is_in(const struct field *field, const char *const *group)
{
	for (; group && *group; group++)
		if (strcmp(field->name, *group) == 0)
			return true;
	return false;
}

static int push_bytes(struct totals *totals, const void *bytes, size_t len)
{
	int err = vec_reserve(&totals->key, len);

	if (err)
		return err;
	memcpy(totals->key.data + totals->key.len, bytes, len);
	totals->key.len += len;
	return 0;
}

static int push_field(struct totals *totals, const struct record *record, const struct field *field)
{
	char *text;
	int err;

	if (field->kind != FIELD_TEXT && field->kind != FIELD_WORDS && field->kind != FIELD_PATH &&
	    field->kind != FIELD_DOMAIN)
		return push_bytes(totals, record->bytes + field->offset, field->size);
	text = malloc(RECORD_TEXT_BYTES);
	if (!text)
		return -ENOMEM;
	record_text(record, field, text);
	err = push_bytes(totals, text, strlen(text) + 1);
	free(text);
	return err;
}

static uint8_t role_of(const struct field *field, const char *const *group)
{
	uint8_t role = field->is_key || is_in(field, group) ? ROLE_KEY : 0;

	if (field->kind == FIELD_CHARS)
		role |= ROLE_TEXT;
	if (field->kind == FIELD_HISTOGRAM)
		role |= ROLE_HISTOGRAM;
	if (totals_is_sum(field))
		role |= field->is_max ? ROLE_SUM | ROLE_MAX : ROLE_SUM;
	return role;
}

/* NULL without memory. */
static const struct totals_plan *plan_for(struct totals *totals, const struct schema *schema,
					  const char *const *group)
{
	struct totals_plan *plan;

	vec_each(one, &totals->plans)
		if ((*one)->schema == schema && (*one)->group == group)
			return *one;
	plan = malloc(sizeof(*plan) + schema->field_count * sizeof(plan->roles[0]));
	if (!plan || vec_push(&totals->plans, plan)) {
		free(plan);
		return NULL;
	}
	plan->schema = schema;
	plan->group = group;
	for (size_t i = 0; i < schema->field_count; i++)
		plan->roles[i] = role_of(&schema->fields[i], group);
	return plan;
}

static int make_key(struct totals *totals, const struct record *record,
		    const struct totals_plan *plan)
{
	const struct schema *schema = record->schema;
	int err;

	totals->key.len = 0;
	err = push_bytes(totals, &schema, sizeof(schema));
	for (size_t i = 0; !err && i < schema->field_count; i++)
		if (plan->roles[i] & ROLE_KEY)
			err = push_field(totals, record, &schema->fields[i]);
	return err;
}

static bool same_key(const void *owner, uint32_t entry, const void *key)
{
	const struct totals *totals = owner;
	uint32_t start = entry ? totals->key_ends.data[entry - 1] : 0;
	uint32_t len = totals->key_ends.data[entry] - start;

	(void)key;
	return len == totals->key.len &&
	       memcmp(totals->keys.data + start, totals->key.data, len) == 0;
}

static void row_done(struct totals_row *row)
{
	free(row->bytes);
	free(row->sums);
	free(row->histograms);
}

static size_t count_histograms(const struct schema *schema)
{
	size_t count = 0;

	for (size_t i = 0; i < schema->field_count; i++)
		count += schema->fields[i].kind == FIELD_HISTOGRAM;
	return count;
}

static int new_row(struct totals *totals, const struct record *record, uint64_t hash)
{
	size_t histograms = count_histograms(record->schema);
	struct totals_row row = {
		.schema = record->schema,
		.bytes = malloc(record->len),
		.len = (uint32_t)record->len,
		.sums = calloc(record->schema->field_count, sizeof(*row.sums)),
		.histograms = histograms ? calloc(histograms, sizeof(*row.histograms)) : NULL,
	};
	int err = row.bytes && row.sums && (row.histograms || !histograms) ? 0 : -ENOMEM;

	err = err ?: vec_reserve(&totals->rows, 1);
	err = err ?: vec_reserve(&totals->key_ends, 1);
	err = err ?: vec_reserve(&totals->keys, totals->key.len);
	err = err ?: index_add(&totals->by_key, hash, (uint32_t)totals->rows.len);
	if (err) {
		row_done(&row);
		return err;
	}
	memcpy(row.bytes, record->bytes, record->len);
	memcpy(totals->keys.data + totals->keys.len, totals->key.data, totals->key.len);
	totals->keys.len += totals->key.len;
	totals->key_ends.data[totals->key_ends.len++] = (uint32_t)totals->keys.len;
	totals->rows.data[totals->rows.len++] = row;
	return 0;
}

static void add_values(struct totals_row *row, const struct record *record,
		       const struct totals_plan *plan)
{
	const struct schema *schema = record->schema;
	struct histogram *histogram = row->histograms, more;

	row->count++;
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *field = &schema->fields[i];
		uint8_t role = plan->roles[i];
		uint64_t value;

		if (role & ROLE_TEXT) /* the last one stands */
			memcpy(row->bytes + field->offset, record->bytes + field->offset,
			       field->size);
		if (role & ROLE_HISTOGRAM) {
			memcpy(&more, record->bytes + field->offset, sizeof(more));
			histogram_add(histogram++, &more);
		}
		if (!(role & ROLE_SUM) || !record_has(record, field))
			continue;
		value = record_u64(record, field);
		if (!(role & ROLE_MAX))
			row->sums[i] += value;
		else if (value > row->sums[i])
			row->sums[i] = value;
	}
}

int totals_add(struct totals *totals, const struct record *record, const char *const *group)
{
	const struct totals_plan *plan = plan_for(totals, record->schema, group);
	int err = plan ? make_key(totals, record, plan) : -ENOMEM;
	uint64_t hash;
	uint32_t entry;

	if (err)
		return err;
	hash = hash_bytes(totals->key.data, totals->key.len, 0);
	entry = index_find(&totals->by_key, hash, same_key, totals, NULL);
	if (entry == INDEX_NONE) {
		if (totals->rows.len >= TOTALS_ROWS_MAX) {
			totals->refused++;
			return 0;
		}
		entry = (uint32_t)totals->rows.len;
		err = new_row(totals, record, hash);
	}
	if (!err)
		add_values(&totals->rows.data[entry], record, plan);
	return err;
}

struct record totals_record(const struct totals_row *row)
{
	return (struct record){ row->schema, row->bytes, row->len };
}

const struct histogram *totals_histogram(const struct totals_row *row, const struct field *field)
{
	const struct histogram *histogram = row->histograms;

	for (const struct field *one = row->schema->fields; one < field; one++)
		histogram += one->kind == FIELD_HISTOGRAM;
	return histogram;
}

/* What there is most of: values of a histogram, of the first sum of a table, else records. */
static uint64_t weight_of(const struct totals_row *row)
{
	for (size_t i = 0; i < row->schema->field_count; i++) {
		const struct field *field = &row->schema->fields[i];

		if (row->schema->shape != SCHEMA_TABLE)
			break;
		if (field->kind == FIELD_HISTOGRAM)
			return histogram_count(totals_histogram(row, field));
		if (totals_is_sum(field))
			return row->sums[i];
	}
	return row->count;
}

/* The rows stand in the order of what they are about, then of their weight. */
static int row_order(const void *a, const void *b, void *context)
{
	const struct totals *totals = context;
	const struct totals_row *x = &totals->rows.data[*(const uint32_t *)a];
	const struct totals_row *y = &totals->rows.data[*(const uint32_t *)b];
	int order = strcmp(x->schema->collector, y->schema->collector);
	uint64_t more = weight_of(x), less = weight_of(y);

	order = order ?: strcmp(x->schema->event, y->schema->event);
	return order ?: (more < less) - (more > less);
}

uint32_t *totals_order(const struct totals *totals)
{
	uint32_t *order = calloc(totals->rows.len + 1, sizeof(*order));

	for (uint32_t i = 0; order && i < totals->rows.len; i++)
		order[i] = i;
	if (order)
		qsort_r(order, totals->rows.len, sizeof(*order), row_order, (void *)totals);
	return order;
}

void totals_done(struct totals *totals)
{
	vec_each(row, &totals->rows)
		row_done(row);
	vec_each(plan, &totals->plans)
		free(*plan);
	vec_done(&totals->plans);
	vec_done(&totals->rows);
	vec_done(&totals->keys);
	vec_done(&totals->key_ends);
	vec_done(&totals->key);
	index_done(&totals->by_key);
}
