/* SPDX-License-Identifier: MIT */
/* The tables in real maps: what is put can be looked up, and no more than the budget is there. */
#include "collect/unwind_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/test.h"

#define ELEMENT 2112 /* bytes of budget that one block or one part takes */

struct maps {
	int blocks, mappings;
};

static struct maps make_maps(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = 1 /* BPF_F_NO_PREALLOC */);
	struct maps maps;

	maps.blocks = bpf_map_create(BPF_MAP_TYPE_HASH, "blocks", sizeof(struct unwind_block_key),
				     sizeof(struct unwind_block), 2048, &opts);
	if (maps.blocks == -EPERM)
		test_skip("needs the right to make BPF maps");
	maps.mappings =
		bpf_map_create(BPF_MAP_TYPE_HASH, "mappings", sizeof(struct unwind_mappings_key),
			       sizeof(struct unwind_mappings), 2048, &opts);
	assert_true(maps.blocks >= 0 && maps.mappings >= 0);
	return maps;
}

static void close_maps(struct maps maps)
{
	close(maps.blocks);
	close(maps.mappings);
}

static struct unwind_tables *make_tables(struct maps maps, size_t elements)
{
	struct unwind_tables *tables = NULL;

	assert_int_equal(unwind_tables_new(maps.blocks, maps.mappings, elements * ELEMENT, &tables),
			 0);
	return tables;
}

static unsigned count_elements(int map)
{
	unsigned char key[16], next[16];
	unsigned count = 0;

	for (int err = bpf_map_get_next_key(map, NULL, next); !err; count++) {
		memcpy(key, next, sizeof(key));
		err = bpf_map_get_next_key(map, key, next);
	}
	return count;
}

static struct unwind_block block_of(uint32_t number)
{
	struct unwind_block block = { .rows = 1, .rules = number };

	return block;
}

static void keeps_blocks(void **state)
{
	struct unwind_block_key key = { 7, 8 }, other = { 7, 9 };
	struct unwind_block block = block_of(5), got;
	struct maps maps = make_maps();
	struct unwind_tables *tables = make_tables(maps, 64);

	(void)state;
	assert_int_equal(unwind_tables_get(tables, key, &got), -ENOENT);
	assert_int_equal(unwind_tables_put(tables, key, &block), 0);
	assert_int_equal(unwind_tables_put(tables, key, &block), 0); /* known already */
	assert_int_equal(unwind_tables_get(tables, key, &got), 0);
	assert_memory_equal(&got, &block, sizeof(block));
	assert_int_equal(unwind_tables_get(tables, other, &got), -ENOENT);
	assert_int_equal(unwind_tables_figures(tables).blocks, 1);
	unwind_tables_free(tables);
	close_maps(maps);
}

/* The clock: what the kernel side used since the hand passed stays once more. */
static void evicts_what_was_not_used(void **state)
{
	struct maps maps = make_maps();
	struct unwind_tables *tables = make_tables(maps, 64);
	struct unwind_tables_figures figures;
	struct unwind_block got;
	unsigned kept = 0;

	(void)state;
	for (uint32_t i = 0; i < 56; i++) { /* 64 less an eighth */
		struct unwind_block_key key = { 1, i };
		struct unwind_block block = block_of(i);

		block.used = i < 10;
		assert_int_equal(unwind_tables_put(tables, key, &block), 0);
	}
	for (uint32_t i = 100; i < 130; i++) {
		struct unwind_block_key key = { 1, i };
		struct unwind_block block = block_of(i);

		assert_int_equal(unwind_tables_put(tables, key, &block), 0);
		assert_int_equal(unwind_tables_get(tables, key, &got), 0);
	}
	figures = unwind_tables_figures(tables);
	assert_int_equal(figures.blocks, 56);
	assert_int_equal(figures.blocks_evicted, 30);
	assert_int_equal(count_elements(maps.blocks), 56);
	for (uint32_t i = 0; i < 10; i++) {
		struct unwind_block_key key = { 1, i };

		if (unwind_tables_get(tables, key, &got) == 0) {
			assert_int_equal(got.used, 0); /* passed over, once */
			assert_int_equal(got.rules, i);
			kept++;
		}
	}
	assert_int_equal(kept, 10);
	unwind_tables_free(tables);
	close_maps(maps);
}

static uint32_t count_starts(const struct unwind_mappings *part, uint64_t address)
{
	uint32_t count = 0;

	while (count < part->count && part->starts[count] <= address)
		count++;
	return count;
}

static void find_address(struct maps maps, uint32_t pid, uint64_t address, uint32_t file)
{
	struct unwind_mappings_key key = { pid, 0 };
	struct unwind_mappings part;

	uint32_t indexes, index;

	assert_int_equal(bpf_map_lookup_elem(maps.mappings, &key, &part), 0);
	indexes = part.indexes;
	key.part = count_starts(&part, address);
	assert_true(key.part > 0);
	if (indexes) {
		index = key.part - 1;
		assert_int_equal(bpf_map_lookup_elem(maps.mappings, &key, &part), 0);
		key.part = indexes + index * UNWIND_STARTS + count_starts(&part, address);
	}
	assert_int_equal(bpf_map_lookup_elem(maps.mappings, &key, &part), 0);
	for (uint32_t i = 0; i < part.count; i++)
		if (part.mappings[i].start <= address && address < part.mappings[i].end) {
			assert_int_equal(part.mappings[i].file, file);
			return;
		}
	test_fail();
}

static void keeps_mappings(void **state)
{
	struct unwind_mapping mappings[200];
	struct unwind_mappings_key head = { 42, 0 };
	struct unwind_mappings part;
	struct maps maps = make_maps();
	struct unwind_tables *tables = make_tables(maps, 128);

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		mappings[i] = (struct unwind_mapping){ 0x1000 * (i + 1), 0x1000 * (i + 1) + 0x800,
						       0, i, 0 };
	assert_int_equal(unwind_tables_map(tables, 42, 3, 77, mappings, 200), 0);
	assert_int_equal(count_elements(maps.mappings), 5);
	assert_int_equal(bpf_map_lookup_elem(maps.mappings, &head, &part), 0);
	assert_int_equal(part.exec_id, 3);
	assert_int_equal(part.exec_vm, 77);
	for (uint32_t i = 0; i < 200; i++)
		find_address(maps, 42, mappings[i].start + 0x7ff, i);
	assert_int_equal(unwind_tables_map(tables, 42, 3, 78, mappings, 10), 0); /* in its place */
	assert_int_equal(count_elements(maps.mappings), 2);
	unwind_tables_unmap(tables, 42);
	assert_int_equal(count_elements(maps.mappings), 0);
	assert_int_equal(unwind_tables_figures(tables).parts, 0);
	unwind_tables_free(tables);
	close_maps(maps);
}

/* As many as a kernel allows: parts that find parts. */
static void keeps_65000_mappings(void **state)
{
	static struct unwind_mapping mappings[65000];
	struct maps maps = make_maps();
	struct unwind_tables *tables = make_tables(maps, 16000);

	(void)state;
	for (uint32_t i = 0; i < 65000; i++)
		mappings[i] = (struct unwind_mapping){ 0x1000 * (i + 1ull),
						       0x1000 * (i + 1ull) + 0x800, 0, i, 0 };
	assert_int_equal(unwind_tables_map(tables, 42, 3, 77, mappings, 65000), 0);
	assert_int_equal(count_elements(maps.mappings), 1 + 5 + 1084);
	for (uint32_t i = 0; i < 65000; i += i % 60 < 58 ? 29 : 1)
		find_address(maps, 42, mappings[i].start + 0x7ff, i);
	find_address(maps, 42, mappings[64999].start, 64999);
	unwind_tables_unmap(tables, 42);
	assert_int_equal(count_elements(maps.mappings), 0);
	unwind_tables_free(tables);
	close_maps(maps);
}

static void forgets_processes_for_new_ones(void **state)
{
	struct unwind_mapping mapping = { 0x1000, 0x2000, 0, 1, 0 };
	struct maps maps = make_maps();
	struct unwind_tables *tables = make_tables(maps, 128); /* 16 parts: 8 small processes */
	struct unwind_mapping many[UNWIND_MAPPINGS_PER_PART * 20] = { 0 };

	(void)state;
	for (uint32_t pid = 1; pid <= 100; pid++) {
		assert_int_equal(unwind_tables_map(tables, pid, 1, 1, &mapping, 1), 0);
		assert_in_range(count_elements(maps.mappings), 1, 16);
		find_address(maps, pid, 0x1800, 1);
	}
	assert_int_equal(unwind_tables_map(tables, 200, 1, 1, many, sizeof(many) / sizeof(*many)),
			 -E2BIG); /* more than all there is */
	assert_in_range(count_elements(maps.mappings), 0, 16);
	assert_int_equal(unwind_tables_figures(tables).refused, 1);
	unwind_tables_free(tables);
	close_maps(maps);
}

static void keeps_a_mirror_the_same(void **state)
{
	struct unwind_mapping mapping = { 0x1000, 0x2000, 0, 1, 0 };
	struct maps maps = make_maps(), mirror = make_maps();
	struct unwind_tables *tables = make_tables(maps, 512);
	struct unwind_block got;

	(void)state;
	unwind_tables_mirror(tables, mirror.blocks, mirror.mappings);
	for (uint32_t i = 0; i < 500; i++) {
		struct unwind_block_key key = { 1, i };
		struct unwind_block block = block_of(i);

		assert_int_equal(unwind_tables_put(tables, key, &block), 0);
		assert_int_equal(bpf_map_lookup_elem(mirror.blocks, &key, &got), 0);
	}
	assert_int_equal(unwind_tables_map(tables, 9, 1, 1, &mapping, 1), 0);
	find_address(mirror, 9, 0x1000, 1);
	assert_int_equal(count_elements(maps.blocks), unwind_tables_figures(tables).blocks);
	assert_int_equal(count_elements(mirror.blocks), count_elements(maps.blocks));
	assert_true(2 * count_elements(maps.blocks) <= 512);
	unwind_tables_unmap(tables, 9);
	assert_int_equal(count_elements(mirror.mappings), 0);
	unwind_tables_free(tables);
	close_maps(maps);
	close_maps(mirror);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(keeps_blocks),
		cmocka_unit_test(evicts_what_was_not_used),
		cmocka_unit_test(keeps_mappings),
		cmocka_unit_test(keeps_65000_mappings),
		cmocka_unit_test(forgets_processes_for_new_ones),
		cmocka_unit_test(keeps_a_mirror_the_same),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
