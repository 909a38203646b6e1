/* SPDX-License-Identifier: MIT */
#include "collect/table.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "base/error.h"
#include "base/hash.h"
#include "collect/slots.h"

/* A row as it was read last; its key and then its value are in `bytes` of the table. */
struct row {
	uint32_t idle; /* reads without a change */
	bool is_there;
};

struct table {
	const struct object_table *object;
	int map;
	uint32_t cpus;       /* values of a key */
	bool is_array;       /* its rows are always there */
	uint32_t most_rows;  /* that the kernel has room for */
	uint8_t *values;     /* of one key, of all CPUs */
	uint8_t *sum;        /* of them */
	uint8_t *record;     /* that was handed out last */
	uint8_t *kinds;      /* enum word_kind of each word of a value */
	uint32_t stride;     /* bytes of a row */
	struct slots *slots; /* of a table that is mapped; then nothing of it is kept here */
	vec(uint8_t) bytes;
	vec(struct row) rows;
	struct index by_key;
	vec(uint8_t) changed; /* records of this read, one behind the other */
	size_t next;
};

/* The field that a word of the value belongs to. */
static const struct field *field_at(const struct object_table *object, uint32_t offset)
{
	const struct schema *schema = object->schema;

	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *field = &schema->fields[i];
		uint32_t at = field->offset - object->value_at;

		if (field->offset >= object->value_at && offset >= at && offset < at + field->size)
			return field;
	}
	return NULL;
}

static enum word_kind word_kind(const struct object_table *object, uint32_t offset)
{
	const struct field *field = field_at(object, offset);
	uint32_t at = field ? field->offset - object->value_at : 0;

	if (field && field->kind == FIELD_CHARS)
		return WORD_TEXT;
	if (field && (field->is_max || (field->kind == FIELD_HISTOGRAM &&
					offset == at + offsetof(struct histogram, max))))
		return WORD_MAX;
	return WORD_SUM;
}

int table_new(const struct object_table *object, int map, struct table **ret_table)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct table *table = calloc(1, sizeof(*table));
	int cpus = libbpf_num_possible_cpus(), err = 0;

	if (!table)
		return -ENOMEM;
	*table = (struct table){ .object = object, .map = map, .cpus = 1 };
	if (bpf_obj_get_info_by_fd(map, &info, &len) || cpus < 0) {
		free(table);
		return fail(-errno, "cannot examine the table '%s': %m", object->schema->event);
	}
	if (info.type == BPF_MAP_TYPE_PERCPU_HASH || info.type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	    info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
		table->cpus = (uint32_t)cpus;
	table->is_array = info.type == BPF_MAP_TYPE_ARRAY || info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
	table->most_rows = info.max_entries;
	table->stride = object->key_size + object->value_size;
	table->values = calloc(table->cpus, (object->value_size + 7) / 8 * 8);
	table->sum = calloc(1, object->value_size);
	table->record = calloc(1, object->schema->size);
	table->kinds = calloc(1, object->value_size / 8 + 1);
	if (!table->values || !table->sum || !table->record || !table->kinds) {
		table_free(table);
		return -ENOMEM;
	}
	for (uint32_t at = 0; at + 8 <= object->value_size; at += 8)
		table->kinds[at / 8] = word_kind(object, at);
	if (info.type == BPF_MAP_TYPE_ARRAY && info.map_flags & BPF_F_MMAPABLE)
		err = slots_new(object, map, info.max_entries, table->kinds, &table->slots);
	if (err)
		table_free(table);
	else
		*ret_table = table;
	return err;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	slots_free(table->slots);
	free(table->values);
	free(table->sum);
	free(table->record);
	free(table->kinds);
	vec_done(&table->bytes);
	vec_done(&table->rows);
	vec_done(&table->changed);
	index_done(&table->by_key);
	free(table);
}

static bool same_key(const void *owner, uint32_t entry, const void *key)
{
	const struct table *table = owner;

	return memcmp(table->bytes.data + (size_t)entry * table->stride, key,
		      table->object->key_size) == 0;
}

/* Adds up the values of all CPUs. */
static void add_up(struct table *table)
{
	uint32_t size = table->object->value_size, apart = (size + 7) / 8 * 8;

	memset(table->sum, 0, size);
	for (uint32_t at = 0; at + 8 <= size; at += 8) {
		enum word_kind kind = table->kinds[at / 8];
		uint64_t sum = 0, one;

		for (uint32_t cpu = 0; cpu < table->cpus; cpu++) {
			memcpy(&one, table->values + (size_t)cpu * apart + at, sizeof(one));
			if (kind == WORD_SUM)
				sum += one;
			else if (kind == WORD_MAX ? one > sum : one != 0)
				sum = one;
		}
		memcpy(table->sum + at, &sum, sizeof(sum));
	}
}

/* A row of what was added since @before; false: nothing. */
static bool put_difference(struct table *table, const uint8_t *before, uint8_t *value)
{
	uint32_t size = table->object->value_size;
	bool has_any = false;

	for (uint32_t at = 0; at + 8 <= size; at += 8) {
		uint64_t now, old, more;

		memcpy(&now, table->sum + at, sizeof(now));
		memcpy(&old, before + at, sizeof(old));
		has_any |= now != old && table->kinds[at / 8] != WORD_TEXT;
		more = table->kinds[at / 8] == WORD_SUM ? now - old : now;
		memcpy(value + at, &more, sizeof(more));
	}
	return has_any;
}

/* Adds a record to what this reading has found. */
static int keep_record(void *context, const uint8_t *bytes)
{
	struct table *table = context;
	uint32_t size = table->object->schema->size;
	int err = vec_reserve(&table->changed, size);

	if (err)
		return err;
	memcpy(table->changed.data + table->changed.len, bytes, size);
	table->changed.len += size;
	return 0;
}

static int keep_changed(struct table *table, const void *key, uint64_t at_mono_ns)
{
	const struct object_table *object = table->object;
	struct event head = { .at = at_mono_ns, .type = object->schema->type };

	memcpy(table->record, &head, sizeof(head));
	memcpy(table->record + object->key_at, key, object->key_size);
	return keep_record(table, table->record);
}

static int new_row(struct table *table, const void *key, uint64_t hash)
{
	int err;

	if (table->rows.len >= TABLE_ROWS_MAX)
		return -E2BIG;
	err = vec_reserve(&table->bytes, table->stride);
	err = err ?: index_add(&table->by_key, hash, (uint32_t)table->rows.len);
	if (err)
		return err;
	memcpy(table->bytes.data + table->bytes.len, key, table->object->key_size);
	memset(table->bytes.data + table->bytes.len + table->object->key_size, 0,
	       table->object->value_size);
	table->bytes.len += table->stride;
	return vec_push(&table->rows, { 0 });
}

/* What was added to a row since it was read last, from the values that were read now. */
static int take_difference(struct table *table, uint32_t entry, uint64_t at_mono_ns)
{
	const struct object_table *object = table->object;
	uint8_t *row = table->bytes.data + (size_t)entry * table->stride;
	uint8_t *before = row + object->key_size;
	int err = 0;

	add_up(table);
	if (put_difference(table, before, table->record + object->value_at)) {
		table->rows.data[entry].idle = 0;
		err = keep_changed(table, row, at_mono_ns);
	}
	memcpy(before, table->sum, object->value_size);
	return err;
}

static int take_row(struct table *table, const void *key, uint64_t at_mono_ns)
{
	const struct object_table *object = table->object;
	uint64_t hash = hash_bytes(key, object->key_size, 0);
	uint32_t entry = index_find(&table->by_key, hash, same_key, table, key);
	int err = 0;

	if (entry == INDEX_NONE) {
		entry = (uint32_t)table->rows.len;
		err = new_row(table, key, hash);
		if (err)
			return err;
	}
	table->rows.data[entry].is_there = true;
	table->rows.data[entry].idle++;
	return take_difference(table, entry, at_mono_ns);
}

/* Where many come and go, room is made sooner. */
static bool is_forgotten(const struct table *table, const struct row *row)
{
	bool is_crowded = table->rows.len > table->most_rows / 4;

	return !table->is_array && row->idle >= (is_crowded ? TABLE_IDLE_CROWDED : TABLE_IDLE);
}

/* Deletes a row in the kernel; what was added since it was read is not lost. */
static int delete_row(struct table *table, uint32_t entry, uint64_t at_mono_ns)
{
	uint8_t *key = table->bytes.data + (size_t)entry * table->stride;

	if (!bpf_map_lookup_and_delete_elem(table->map, key, table->values))
		return take_difference(table, entry, at_mono_ns);
	bpf_map_delete_elem(table->map, key); /* before 5.14 it is not both at once */
	return 0;
}

/* Keeps the rows that are still in the kernel; deletes there what has long been idle. */
static int forget_idle(struct table *table, uint64_t at_mono_ns)
{
	uint32_t kept = 0;
	int err = 0;

	for (uint32_t i = 0; !err && i < table->rows.len; i++) {
		struct row *row = &table->rows.data[i];

		if (row->is_there && is_forgotten(table, row)) {
			err = delete_row(table, i, at_mono_ns);
			row->is_there = false;
		}
	}
	index_clear(&table->by_key);
	for (uint32_t i = 0; !err && i < table->rows.len; i++) {
		uint8_t *row = table->bytes.data + (size_t)i * table->stride;

		if (!table->rows.data[i].is_there)
			continue;
		memmove(table->bytes.data + (size_t)kept * table->stride, row, table->stride);
		row = table->bytes.data + (size_t)kept * table->stride;
		table->rows.data[kept] = table->rows.data[i];
		table->rows.data[kept].is_there = false;
		err = index_add(&table->by_key, hash_bytes(row, table->object->key_size, 0),
				kept++);
	}
	table->rows.len = kept;
	table->bytes.len = (size_t)kept * table->stride;
	return err;
}

int table_read(struct table *table, uint64_t at_mono_ns)
{
	own(freep) uint8_t *keys = calloc(2, table->object->key_size);
	uint8_t *key = keys, *last = NULL;
	int err = keys ? 0 : -ENOMEM;

	table->changed.len = table->next = 0;
	if (table->slots)
		return slots_read(table->slots, at_mono_ns, keep_record, table);
	/* A key that is deleted meanwhile would begin the walk anew: it is bounded. */
	for (uint32_t i = 0;
	     !err && i < TABLE_ROWS_MAX && !bpf_map_get_next_key(table->map, last, key); i++) {
		if (!bpf_map_lookup_elem(table->map, key, table->values))
			err = take_row(table, key, at_mono_ns);
		last = key;
		key = key == keys ? keys + table->object->key_size : keys;
	}
	return err ?: forget_idle(table, at_mono_ns);
}

bool table_next(struct table *table, struct record *ret_record)
{
	const struct schema *schema = table->object->schema;

	if (table->next >= table->changed.len)
		return false;
	*ret_record = (struct record){ schema, table->changed.data + table->next, schema->size };
	table->next += schema->size;
	return true;
}
