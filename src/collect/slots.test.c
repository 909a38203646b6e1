/* SPDX-License-Identifier: MIT */
/* A mapped table in a real map; the test does what a program does. */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/test.h"
#include "collect/slots.h"
#include "collect/table.h"
#include "probe/slots.wire.h"

#define SLOTS (4 * SLOTS_WAYS)

struct value {
	u64 count, max;
	char comm[8];
};

struct slot {
	u32 pid, state; /* the key; its highest bit is SLOT_LEAVING */
	struct value value;
};

struct row {
	struct event event;
	u32 pid, pad;
	struct value value;
};

static const struct field fields[] = {
	{ "pid", "pid", "", FIELD_UNSIGNED, UNIT_PID, offsetof(struct row, pid), 4, NULL, true },
	{ "count", "count", "", FIELD_UNSIGNED, UNIT_COUNT, offsetof(struct row, value.count), 8 },
	{ "max", "max", "", FIELD_UNSIGNED, UNIT_COUNT, offsetof(struct row, value.max), 8, NULL,
	  false, true },
	{ "comm", "comm", "", FIELD_CHARS, UNIT_NONE, offsetof(struct row, value.comm), 8 },
};
static const struct schema schema = {
	"test", "rows", "", SCHEMA_TABLE, 5, sizeof(struct row), fields, array_len(fields),
};
static const struct object_table object = {
	&schema, 0, offsetof(struct row, pid), 8, offsetof(struct row, value), sizeof(struct value),
};

struct fixture {
	int map;
	struct slot *slots;
	struct table *table;
};

static struct fixture make(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct fixture fixture = { 0 };

	fixture.map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "slots", sizeof(u32), sizeof(struct slot),
				     SLOTS, &options);
	if (fixture.map == -EPERM)
		test_skip("needs the right to make BPF maps");
	assert_true(fixture.map >= 0);
	fixture.slots = mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED,
			     fixture.map, 0);
	assert_true(fixture.slots != MAP_FAILED);
	assert_int_equal(table_new(&object, fixture.map, &fixture.table), 0);
	return fixture;
}

static void done(struct fixture *fixture)
{
	table_free(fixture->table);
	munmap(fixture->slots, SLOTS * sizeof(struct slot));
	close(fixture->map);
}

static struct row read_one(struct fixture *fixture)
{
	struct record record;
	struct row row;

	assert_int_equal(table_read(fixture->table, 9), 0);
	assert_true(table_next(fixture->table, &record));
	assert_int_equal(record.len, sizeof(row));
	memcpy(&row, record.bytes, sizeof(row));
	assert_int_equal(row.event.at, 9);
	assert_int_equal(row.event.type, schema.type);
	assert_false(table_next(fixture->table, &record));
	return row;
}

static void read_none(struct fixture *fixture)
{
	struct record record;

	assert_int_equal(table_read(fixture->table, 9), 0);
	assert_false(table_next(fixture->table, &record));
}

static void rows_are_what_was_added(void **state)
{
	struct fixture fixture = make();
	struct slot *slot = &fixture.slots[13];
	struct row row;

	(void)state;
	read_none(&fixture);
	*slot = (struct slot){ .pid = (u32)getpid(), .value = { 3, 70, "first" } };
	row = read_one(&fixture);
	assert_int_equal(row.pid, getpid());
	assert_int_equal(row.value.count, 3);
	assert_int_equal(row.value.max, 70);
	assert_string_equal(row.value.comm, "first");
	read_none(&fixture);
	slot->value.count += 2;
	slot->value.max = 50;
	strcpy(slot->value.comm, "later");
	row = read_one(&fixture);
	assert_int_equal(row.value.count, 2);
	assert_int_equal(row.value.max, 50);
	assert_string_equal(row.value.comm, "later");
	done(&fixture);
}

/* A process of ours that has ended, and whose number nobody has. */
static u32 ended_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return (u32)pid;
}

static void rows_of_ended_processes_leave_and_lose_nothing(void **state)
{
	struct fixture fixture = make();
	struct slot *slot = &fixture.slots[SLOTS - 1];
	u32 pid = ended_process();

	(void)state;
	*slot = (struct slot){ .pid = pid, .value = { 1, 1, "gone" } };
	assert_int_equal(read_one(&fixture).value.count, 1);
	read_none(&fixture);
	assert_int_equal(slot->state, 1u << 31); /* no program finds it any more */
	slot->value.count += 4;                  /* one that found it before */
	assert_int_equal(read_one(&fixture).value.count, 4);
	assert_int_equal(slot->pid, 0);
	assert_int_equal(slot->state, 0);
	assert_int_equal(slot->value.count, 0);
	assert_int_equal(slot->value.comm[0], '\0');
	done(&fixture);
}

static void rows_of_others_stay_until_long_idle(void **state)
{
	struct fixture fixture = make();
	struct slot *slot = &fixture.slots[0];

	(void)state;
	*slot = (struct slot){ .pid = (u32)getpid(), .value = { 1, 1, "here" } };
	assert_int_equal(read_one(&fixture).value.count, 1);
	for (int i = 1; i < TABLE_IDLE; i++) {
		read_none(&fixture);
		assert_int_equal(slot->state, 0);
	}
	read_none(&fixture);
	assert_int_equal(slot->state, 1u << 31);
	read_none(&fixture);
	assert_int_equal(slot->pid, 0);
	done(&fixture);
}

static void where_it_is_crowded_sooner(void **state)
{
	struct fixture fixture = make();

	(void)state;
	for (u32 i = 0; i <= SLOTS / 4; i++)
		fixture.slots[i] = (struct slot){ .pid = (u32)getpid(), .value = { 1, 1, "" } };
	assert_int_equal(table_read(fixture.table, 9), 0);
	for (int i = 0; i < TABLE_IDLE_CROWDED + 1; i++)
		read_none(&fixture);
	assert_int_equal(fixture.slots[0].pid, 0);
	done(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_what_was_added),
		cmocka_unit_test(rows_of_ended_processes_leave_and_lose_nothing),
		cmocka_unit_test(rows_of_others_stay_until_long_idle),
		cmocka_unit_test(where_it_is_crowded_sooner),
	};

	return test_run(tests);
}
