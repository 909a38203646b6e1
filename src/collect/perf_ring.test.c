/* SPDX-License-Identifier: MIT */
/* Records as the kernel writes them, and as it never should. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/test.h"
#include "collect/sideband.h"

#define DATA_BYTES 4096u

/* A ring in memory of our own: a page of control, a page of records. */
static struct perf_ring make_ring(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page + DATA_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return (struct perf_ring){ .fd = dup(0), .mapping = memory, .data_bytes = DATA_BYTES };
}

static void put(struct perf_ring *ring, const void *bytes, size_t len)
{
	struct perf_event_mmap_page *control = ring->mapping;
	char *data = (char *)ring->mapping + sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < len; i++)
		data[(control->data_head + i) & (DATA_BYTES - 1)] = ((const char *)bytes)[i];
	control->data_head += len;
}

struct seen {
	size_t records;
	uint64_t sum;
};

static int count_record(void *context, const struct perf_ring *ring,
			const struct perf_event_header *record)
{
	struct seen *seen = context;
	struct perf_cursor cursor = perf_cursor(record);

	(void)ring;
	seen->records++;
	while (cursor.at < cursor.end)
		seen->sum += perf_u64(&cursor);
	return 0;
}

static void reads_records_that_wrap(void **state)
{
	struct perf_ring ring = make_ring();
	struct seen seen = { 0 };
	uint64_t expected = 0;

	(void)state;
	for (uint64_t i = 0; i < 500; i++) {
		struct {
			struct perf_event_header header;
			uint64_t words[6];
		} record = { .header = { .type = 99, .size = sizeof(record) } };

		for (size_t j = 0; j < 6; j++)
			expected += record.words[j] = i * 6 + j;
		put(&ring, &record, sizeof(record));
		assert_int_equal(perf_ring_drain(&ring, count_record, &seen), 0);
	}
	assert_int_equal(seen.records, 500);
	assert_int_equal(seen.sum, expected);
	perf_ring_close(&ring);
}

static void survives_a_length_of_nothing(void **state)
{
	static const uint16_t sizes[] = { 0, 4, 7, 4096, UINT16_MAX };
	struct seen seen = { 0 };

	(void)state;
	for (size_t i = 0; i < array_len(sizes); i++) {
		struct perf_ring ring = make_ring();
		struct perf_event_header header = { .type = 99, .size = sizes[i] };

		put(&ring, &header, sizeof(header));
		assert_int_equal(perf_ring_drain(&ring, count_record, &seen), 0);
		perf_ring_close(&ring);
	}
	assert_int_equal(seen.records, 0);
}

struct mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, len, offset;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t protection, flags;
	char path[16];
	uint32_t who[2];
	uint64_t at;
};

static void understands_a_mapping(void **state)
{
	struct mmap2 record = {
		.header = { .type = PERF_RECORD_MMAP2, .size = sizeof(record) },
		.pid = 7,
		.tid = 8,
		.start = 0x1000,
		.len = 0x2000,
		.offset = 0x3000,
		.major = 254,
		.minor = 1,
		.inode = 42,
		.generation = 5,
		.path = "/lib/a b.so",
		.at = 123456789,
	};
	struct batch batch = { 0 };
	const struct process_event *event;

	(void)state;
	assert_int_equal(sideband_record(&batch, &record.header, 16), 0);
	assert_int_equal(batch.events.len, 1);
	event = &batch.events.data[0];
	assert_int_equal(event->kind, PROCESS_MAP);
	assert_int_equal(event->pid, 7);
	assert_int_equal(event->start, 0x1000);
	assert_int_equal(event->end, 0x3000);
	assert_int_equal(event->file_offset, 0x3000);
	assert_int_equal(event->device, 254ull << 32 | 1);
	assert_int_equal(event->inode, 42);
	assert_int_equal(event->at_mono_ns, 123456789);
	assert_string_equal(batch.text.data + event->text, "/lib/a b.so");
	batch_done(&batch);
}

/* Every shorter length of the same record: nothing is entered, nothing is read past its end. */
static void refuses_a_record_that_is_cut(void **state)
{
	struct batch batch = { 0 };

	(void)state;
	for (uint16_t size = sizeof(struct perf_event_header); size < sizeof(struct mmap2) - 4;
	     size += 8) {
		struct perf_event_header header = { .type = PERF_RECORD_MMAP2, .size = size };
		struct perf_event_header *record = malloc(size);

		assert_non_null(record);
		memset(record, 'x', size);
		memcpy(record, &header, sizeof(header));
		assert_int_equal(sideband_record(&batch, record, 16), 0);
		free(record);
	}
	assert_int_equal(batch.events.len, 0);
	batch_done(&batch);
}

static void tells_an_exec_from_a_new_name(void **state)
{
	struct {
		struct perf_event_header header;
		uint32_t pid, tid;
		char comm[16];
		uint32_t who[2];
		uint64_t at;
	} record = { .header = { .type = PERF_RECORD_COMM, .size = sizeof(record) },
		     .pid = 3,
		     .tid = 4,
		     .comm = "new" };
	struct batch batch = { 0 };

	(void)state;
	assert_int_equal(sideband_record(&batch, &record.header, 16), 0);
	record.header.misc = PERF_RECORD_MISC_COMM_EXEC;
	assert_int_equal(sideband_record(&batch, &record.header, 16), 0);
	assert_int_equal(batch.events.data[0].kind, PROCESS_COMM);
	assert_int_equal(batch.events.data[1].kind, PROCESS_EXEC);
	batch_done(&batch);
}

static void counts_what_the_kernel_lost(void **state)
{
	struct {
		struct perf_event_header header;
		uint64_t id, lost;
		uint32_t who[2];
		uint64_t at;
	} record = { .header = { .type = PERF_RECORD_LOST, .size = sizeof(record) }, .lost = 17 };
	struct batch batch = { 0 };

	(void)state;
	assert_int_equal(sideband_record(&batch, &record.header, 16), 0);
	assert_true(batch.lost_events);
	assert_int_equal(batch.losses.data[0].count, 17);
	batch_done(&batch);
}

static void knows_the_processors(void **state)
{
	struct cpu_list cpus;

	(void)state;
	assert_int_equal(perf_cpus(&cpus), 0);
	assert_int_equal(cpus.ids.len, sysconf(_SC_NPROCESSORS_ONLN));
	vec_done(&cpus.ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_records_that_wrap),
		cmocka_unit_test(survives_a_length_of_nothing),
		cmocka_unit_test(understands_a_mapping),
		cmocka_unit_test(refuses_a_record_that_is_cut),
		cmocka_unit_test(tells_an_exec_from_a_new_name),
		cmocka_unit_test(counts_what_the_kernel_lost),
		cmocka_unit_test(knows_the_processors),
	};

	return test_run(tests);
}
