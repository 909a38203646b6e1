/* SPDX-License-Identifier: MIT */
#include "report/flame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/formats/make-profile.h"
#include "base/clock.h"
#include "report/names.h"

#define LARGE_STACKS 37500 /* about 150,000 nodes */

static uint32_t find(const struct flame *flame, uint32_t parent, const char *name)
{
	uint32_t node = flame->nodes.data[parent].first_child;

	while (node && strcmp(flame_text(flame, node), name) != 0)
		node = flame->nodes.data[node].next;
	return node;
}

static const struct flame_node *at(const struct flame *flame, const char *path)
{
	char *copy = strdup(path), *save = NULL;
	uint32_t node = 0;

	for (char *name = strtok_r(copy, ";", &save); name; name = strtok_r(NULL, ";", &save)) {
		node = find(flame, node, name);
		assert_int_not_equal(node, 0);
	}
	free(copy);
	return &flame->nodes.data[node];
}

/* What the header promises of every node. */
static void check_sums(const struct flame *flame)
{
	assert_int_equal(flame->nodes.data[0].samples, flame->profile->samples);
	assert_int_equal(flame->nodes.data[0].ns, flame->profile->weight_ns);
	vec_each(node, &flame->nodes) {
		uint64_t samples = node->self_samples + node->cut_samples;
		uint64_t ns = node->self_ns + node->cut_ns;

		for (uint32_t child = node->first_child; child;
		     child = flame->nodes.data[child].next) {
			assert_true(child > (size_t)(node - flame->nodes.data));
			assert_int_equal(flame->nodes.data[child].depth, node->depth + 1);
			samples += flame->nodes.data[child].samples;
			ns += flame->nodes.data[child].ns;
		}
		assert_int_equal(samples, node->samples);
		assert_int_equal(ns, node->ns);
	}
}

static void merges_by_name(void **state)
{
	struct flame flame;
	struct make make;
	uint32_t task, other;

	(void)state;
	make_init(&make);
	task = make_task(&make, 1, 1, "a");
	other = make_task(&make, 2, 2, "a");
	make_samples(&make, task, make_stack(&make, "main@x f@x"), 3);
	/* The same names at other addresses, in another process of that name. */
	make_name(&make, "f", "x", "src/f.c", 9, false, false);
	make_samples(&make, other,
		     make_push(&make, make_stack(&make, "main@x"),
			       make_frame(&make, FRAME_USER, 0, 1, true)),
		     2);
	make_samples(&make, task, make_stack(&make, "main@x f@y"), 1);
	assert_int_equal(flame_build(&flame, make.profile, true, false), 0);
	check_sums(&flame);
	assert_int_equal(flame.nodes.len, 5);
	flame_sort(&flame, FLAME_BY_WEIGHT);
	assert_int_equal(at(&flame, "a;main;f")->samples, 5);
	assert_int_equal(at(&flame, "a;main;f")->ns, 50000000);
	assert_int_equal(flame.nodes.data[at(&flame, "a;main;f")->next].samples, 1);
	flame_done(&flame);

	assert_int_equal(flame_build(&flame, make.profile, false, true), 0);
	check_sums(&flame);
	assert_int_equal(flame.nodes.len, 3);
	assert_int_equal(at(&flame, "main;f")->samples, 6);
	flame_done(&flame);
	profile_free(make.profile);
}

static void keeps_kinds_apart(void **state)
{
	struct flame flame;
	struct make make;
	uint32_t task;

	(void)state;
	make_init(&make);
	task = make_task(&make, 1, 1, "a");
	make_samples(&make, task, make_stack(&make, "read@x read@[kernel]"), 1);
	make_samples(&make, task, make_stack(&make, "read@x ~tiny@x"), 1);
	make_samples(&make, task, 0, 2);
	make_samples(&make, task, make_stack(&make, "![unknown]"), 1);
	make_samples(&make, task, make_stack(&make, "![truncated] f@x"), 1);
	assert_int_equal(flame_build(&flame, make.profile, true, true), 0);
	check_sums(&flame);
	assert_int_equal(at(&flame, "a;read")->samples, 2);
	assert_false(at(&flame, "a;read")->is_inlined);
	assert_true(at(&flame, "a;read;tiny")->is_inlined);
	assert_int_equal(flame.functions.data[at(&flame, "a;read;read")->function].kind,
			 FRAME_KERNEL);
	assert_int_equal(at(&flame, "a;" UNKNOWN_NAME)->samples, 3);
	assert_int_equal(at(&flame, "a;[truncated];f")->samples, 1);
	flame_done(&flame);
	profile_free(make.profile);
}

static void sorts_children(void **state)
{
	static const char *const by_weight[] = { "d", "b", "c", "e", "a" };
	static const unsigned samples[] = { 1, 5, 3, 9, 3 };
	struct flame flame;
	struct make make;
	uint32_t task, node;

	(void)state;
	make_init(&make);
	task = make_task(&make, 1, 1, "t");
	for (unsigned i = 0; i < 5; i++) {
		char word[2] = { (char)('a' + i), '\0' };

		make_samples(&make, task, make_stack(&make, word), samples[i]);
	}
	assert_int_equal(flame_build(&flame, make.profile, false, false), 0);
	flame_sort(&flame, FLAME_BY_WEIGHT);
	node = flame.nodes.data[0].first_child;
	for (unsigned i = 0; i < 5; i++, node = flame.nodes.data[node].next)
		assert_string_equal(flame_text(&flame, node), by_weight[i]);
	assert_int_equal(node, 0);
	flame_sort(&flame, FLAME_BY_NAME);
	node = flame.nodes.data[0].first_child;
	for (unsigned i = 0; i < 5; i++, node = flame.nodes.data[node].next)
		assert_int_equal(flame_text(&flame, node)[0], 'a' + (int)i);
	flame_done(&flame);
	profile_free(make.profile);
}

static void trims_and_accounts(void **state)
{
	struct flame flame;
	struct make make;
	uint32_t task;

	(void)state;
	make_init(&make);
	task = make_task(&make, 1, 1, "t");
	make_samples(&make, task, make_stack(&make, "main@x big@x"), 95);
	make_samples(&make, task, make_stack(&make, "main@x small@x tiny@x"), 2);
	make_samples(&make, task, make_stack(&make, "main@x small@x tinier@x"), 1);
	make_samples(&make, task, make_stack(&make, "main@x other@x"), 2);
	assert_int_equal(flame_build(&flame, make.profile, true, false), 0);
	flame_trim(&flame, 0);
	assert_int_equal(at(&flame, "t;main")->cut_nodes, 0);
	flame_trim(&flame, 3);
	check_sums(&flame);
	assert_int_equal(at(&flame, "t;main")->cut_children, 1);
	assert_int_equal(at(&flame, "t;main")->cut_samples, 2);
	assert_int_equal(at(&flame, "t;main;small")->cut_children, 2);
	assert_int_equal(at(&flame, "t;main;small")->cut_ns, 30000000);
	assert_int_equal(flame.depth, 3);
	flame_trim(&flame, 4);
	check_sums(&flame);
	assert_int_equal(at(&flame, "t;main")->cut_children, 2);
	assert_int_equal(at(&flame, "t;main")->cut_nodes, 4);
	flame_trim(&flame, 101);
	assert_int_equal(flame.nodes.data[0].cut_samples, 100);
	assert_int_equal(flame.nodes.data[0].cut_nodes, 7);
	assert_int_equal(flame.depth, 0);
	flame_done(&flame);
	profile_free(make.profile);
}

static void bears_nothing(void **state)
{
	struct flame flame;
	struct make make;

	(void)state;
	make_init(&make);
	assert_int_equal(flame_build(&flame, make.profile, true, false), 0);
	flame_sort(&flame, FLAME_BY_WEIGHT);
	flame_trim(&flame, 1);
	assert_int_equal(flame.nodes.len, 1);
	assert_int_equal(flame_next(&flame, 0), 0);
	assert_true(flame_share_pct(&flame, 0) == 0);
	flame_done(&flame);
	profile_free(make.profile);
}

/* Stacks of 8 to 48 frames that share their callers. */
static void make_large(struct make *make)
{
	uint32_t frames[2000], task = make_task(make, 1, 1, "large");
	uint64_t seed = 1;

	for (size_t i = 0; i < array_len(frames); i++) {
		char name[32];

		snprintf(name, sizeof(name), "function_%zu", i);
		make_name(make, name, "large", "", 0, false, false);
		frames[i] = make_frame(make, FRAME_USER, 0, 1, true);
	}
	for (unsigned i = 0; i < LARGE_STACKS; i++) {
		uint32_t stack = 0, frame = 1, length;

		seed = hash_mix(seed, i);
		length = 8 + (uint32_t)(seed % 40);
		for (uint32_t depth = 0; depth < length; depth++) {
			seed = hash_mix(seed, depth);
			frame = (frame * 7 + (seed % 12 > 10 ? (uint32_t)(seed >> 20) % 5 : 0) +
				 1) %
				array_len(frames);
			stack = make_push(make, stack, frames[frame]);
		}
		make_samples(make, task, stack, 1);
	}
}

/* Not a benchmark: the bound is far above the CPU time it takes, and far below what a slow way would. */
static void builds_large_trees_fast(void **state)
{
	uint64_t started_ns, took_ns;
	struct flame flame;
	struct make make;

	(void)state;
	make_init(&make);
	make_large(&make);
	started_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	assert_int_equal(flame_build(&flame, make.profile, true, false), 0);
	flame_sort(&flame, FLAME_BY_WEIGHT);
	took_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - started_ns;
	check_sums(&flame);
	assert_true(flame.nodes.len > 150000);
	print_message("%zu nodes in %.1f ms\n", flame.nodes.len, (double)took_ns / NS_PER_MS);
	assert_true(took_ns < 3 * NS_PER_S);
	flame_done(&flame);
	profile_free(make.profile);
}

static void bears_deep_stacks(void **state)
{
	struct flame flame;
	struct make make;
	uint32_t task, stack = 0, node = 0, visited = 0, frame;

	(void)state;
	make_init(&make);
	task = make_task(&make, 1, 1, "deep");
	make_name(&make, "f", "x", "", 0, false, false);
	frame = make_frame(&make, FRAME_USER, 0, 1, true);
	for (int i = 0; i < 100000; i++)
		stack = make_push(&make, stack, frame);
	make_samples(&make, task, stack, 1);
	assert_int_equal(flame_build(&flame, make.profile, true, false), 0);
	flame_sort(&flame, FLAME_BY_NAME);
	flame_trim(&flame, 50);
	while ((node = flame_next(&flame, node)) != 0)
		visited++;
	assert_int_equal(visited, 100001);
	assert_int_equal(flame.depth, 100001);
	flame_trim(&flame, 101);
	assert_int_equal(flame.nodes.data[0].cut_nodes, 100001);
	flame_done(&flame);
	profile_free(make.profile);
}

static void unnamed_addresses_fall_together(void **state)
{
	struct flame flame;
	struct make make;

	(void)state;
	make_init(&make);
	make_samples(&make, make_task(&make, 1, 1, "x"), make_stack(&make, "main@x ?[y+0x10]@y"),
		     1);
	make_samples(&make, 0, make_stack(&make, "main@x ?[y+0x20]@y"), 2);
	make_samples(&make, 0, make_stack(&make, "main@x ?[z+0x10]@z"), 3);
	make_samples(&make, 0, make_stack(&make, "main@x %f@[jit]"), 4);
	for (int by_text = 0; by_text < 2; by_text++) {
		uint32_t node;

		assert_int_equal(flame_build(&flame, make.profile, false, by_text), 0);
		flame_sort(&flame, FLAME_BY_WEIGHT);
		node = flame.nodes.data[flame.nodes.data[0].first_child].first_child;
		assert_int_equal(flame.nodes.data[node].samples, 4);
		node = flame.nodes.data[node].next;
		assert_string_equal(flame_text(&flame, node),
				    by_text ? "[z+0x10]" : "[y+\xe2\x80\xa6]");
		node = flame.nodes.data[node].next;
		assert_string_equal(flame_text(&flame, node), by_text ? "[y+0x20]" : "[z+0x10]");
		flame_done(&flame);
	}
	profile_free(make.profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_by_name),
		cmocka_unit_test(keeps_kinds_apart),
		cmocka_unit_test(sorts_children),
		cmocka_unit_test(trims_and_accounts),
		cmocka_unit_test(bears_nothing),
		cmocka_unit_test(builds_large_trees_fast),
		cmocka_unit_test(bears_deep_stacks),
		cmocka_unit_test(unnamed_addresses_fall_together),
	};

	return cmocka_run_group_tests_name("report/flame", tests, NULL, NULL);
}
