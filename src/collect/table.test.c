/* SPDX-License-Identifier: MIT */
/* Tables in real maps: rows are what was added, each once, and the kernel's map does not fill up. */
#include "collect/table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"

#define ROWS 64 /* that the map has room for */

struct key {
	u32 id;
};

struct value {
	u64 count, max;
};

struct row {
	struct event event;
	struct key key;
	u32 pad;
	struct value value;
};

static const struct field fields[] = {
	{ "id", "id", "", FIELD_UNSIGNED, UNIT_NONE, offsetof(struct row, key), 4, NULL, true },
	{ "count", "count", "", FIELD_UNSIGNED, UNIT_COUNT, offsetof(struct row, value.count), 8 },
	{ "max", "max", "", FIELD_UNSIGNED, UNIT_COUNT, offsetof(struct row, value.max), 8, NULL,
	  false, true },
};
static const struct schema schema = {
	"test", "rows", "", SCHEMA_TABLE, 1, sizeof(struct row), fields, array_len(fields),
};
static const struct object_table object = {
	&schema,
	0,
	offsetof(struct row, key),
	sizeof(struct key),
	offsetof(struct row, value),
	sizeof(struct value),
};

struct fixture {
	int map, cpus;
	struct table *table;
};

static struct fixture make(enum bpf_map_type type)
{
	struct fixture fixture = { .cpus = 1 };

	fixture.map =
		bpf_map_create(type, "rows", sizeof(struct key), sizeof(struct value), ROWS, NULL);
	if (fixture.map == -EPERM)
		test_skip("needs the right to make BPF maps");
	assert_true(fixture.map >= 0);
	if (type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY)
		fixture.cpus = libbpf_num_possible_cpus();
	assert_int_equal(table_new(&object, fixture.map, &fixture.table), 0);
	return fixture;
}

static void done(struct fixture *fixture)
{
	table_free(fixture->table);
	close(fixture->map);
}

/* Puts @count into the value of each CPU, and a maximum that grows with the CPU's number. */
static void put(struct fixture *fixture, u32 id, u64 count, u64 max)
{
	own(freep) struct value *values = calloc((size_t)fixture->cpus, sizeof(*values));

	assert_non_null(values);
	for (int i = 0; i < fixture->cpus; i++)
		values[i] = (struct value){ count, max + (u64)i };
	assert_int_equal(bpf_map_update_elem(fixture->map, &id, values, BPF_ANY), 0);
}

/* The row of one key in this reading; false: nothing was added to it. */
static bool read_row(struct fixture *fixture, u32 id, struct row *ret_row)
{
	struct record record;
	bool is_found = false;

	assert_int_equal(table_read(fixture->table, 7), 0);
	while (table_next(fixture->table, &record)) {
		struct row row;

		assert_int_equal(record.len, sizeof(row));
		memcpy(&row, record.bytes, sizeof(row));
		assert_int_equal(row.event.at, 7);
		if (row.key.id != id)
			continue;
		assert_false(is_found);
		*ret_row = row;
		is_found = true;
	}
	return is_found;
}

static u32 rows_in_kernel(const struct fixture *fixture)
{
	struct key key, *last = NULL;
	u32 count = 0;

	while (!bpf_map_get_next_key(fixture->map, last, &key)) {
		last = &key;
		count++;
	}
	return count;
}

static void rows_are_differences(void **state)
{
	static const enum bpf_map_type types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH,
						   BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY };

	(void)state;
	for (size_t i = 0; i < array_len(types); i++) {
		struct fixture fixture = make(types[i]);
		u64 cpus = (u64)fixture.cpus;
		struct row row;

		put(&fixture, 3, 10, 5);
		assert_true(read_row(&fixture, 3, &row));
		assert_int_equal(row.value.count, 10 * cpus);
		assert_int_equal(row.value.max, 5 + cpus - 1);
		assert_false(read_row(&fixture, 3, &row));
		put(&fixture, 3, 14, 9);
		assert_true(read_row(&fixture, 3, &row));
		assert_int_equal(row.value.count, 4 * cpus);
		assert_int_equal(row.value.max, 9 + cpus - 1);
		done(&fixture);
	}
}

static void idle_rows_are_forgotten(void **state)
{
	struct fixture fixture = make(BPF_MAP_TYPE_HASH);
	struct row row;

	(void)state;
	put(&fixture, 1, 10, 5);
	assert_true(read_row(&fixture, 1, &row));
	for (int i = 1; i < TABLE_IDLE; i++) {
		assert_false(read_row(&fixture, 1, &row));
		assert_int_equal(rows_in_kernel(&fixture), 1);
	}
	assert_false(read_row(&fixture, 1, &row));
	assert_int_equal(rows_in_kernel(&fixture), 0);
	put(&fixture, 1, 3, 2);
	assert_true(read_row(&fixture, 1, &row));
	assert_int_equal(row.value.count, 3);
	done(&fixture);
}

static void a_crowded_map_is_cleared_sooner(void **state)
{
	struct fixture fixture = make(BPF_MAP_TYPE_HASH);
	struct row row;

	(void)state;
	for (u32 i = 0; i <= ROWS / 4; i++)
		put(&fixture, i, 1, 1);
	assert_true(read_row(&fixture, 0, &row));
	for (int i = 0; i < TABLE_IDLE_CROWDED; i++) {
		assert_int_equal(rows_in_kernel(&fixture), ROWS / 4 + 1);
		put(&fixture, 0, (u64)i + 2, 1); /* not this one: it is in use */
		assert_true(read_row(&fixture, 0, &row));
		assert_int_equal(row.value.count, 1);
	}
	assert_int_equal(rows_in_kernel(&fixture), 1);
	done(&fixture);
}

/* Rows of arrays cannot be deleted, so what they hold must not be told again. */
static void rows_of_arrays_stay(void **state)
{
	struct fixture fixture = make(BPF_MAP_TYPE_PERCPU_ARRAY);
	struct row row;

	(void)state;
	put(&fixture, 1, 10, 5);
	assert_true(read_row(&fixture, 1, &row));
	for (int i = 0; i < TABLE_IDLE + 2; i++)
		assert_false(read_row(&fixture, 1, &row));
	done(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_differences),
		cmocka_unit_test(idle_rows_are_forgotten),
		cmocka_unit_test(a_crowded_map_is_cleared_sooner),
		cmocka_unit_test(rows_of_arrays_stay),
	};

	return test_run(tests);
}
