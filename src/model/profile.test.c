/* SPDX-License-Identifier: MIT */
#include "model/profile.h"
#include "base/test.h"

static int make(void **state)
{
	struct profile *profile;

	if (profile_new(&profile) != 0)
		return -1;
	*state = profile;
	return 0;
}

static int unmake(void **state)
{
	profile_free(*state);
	return 0;
}

static uint32_t text(struct profile *profile, const char *what)
{
	uint32_t id;

	assert_int_equal(profile_add_text(profile, what, &id), 0);
	return id;
}

static uint32_t frame(struct profile *profile, uint64_t address)
{
	struct frame frame = { .address = address, .kind = FRAME_KERNEL };
	uint32_t id;

	assert_int_equal(profile_add_frame(profile, &frame, &id), 0);
	return id;
}

/* The stack of these addresses, root first, closed by 0. */
static uint32_t stack(struct profile *profile, const uint64_t *address)
{
	uint32_t id = 0;

	for (; *address; address++)
		assert_int_equal(profile_add_stack(profile, id, frame(profile, *address), &id), 0);
	return id;
}

static uint32_t task(struct profile *profile, uint32_t process, uint32_t tid, const char *name)
{
	struct task task = { process, tid, text(profile, name) };
	uint32_t id;

	assert_int_equal(profile_add_task(profile, &task, &id), 0);
	return id;
}

static void begins_with_the_empty_stack(void **state)
{
	struct profile *profile = *state;

	assert_int_equal(profile->stacks.len, 1);
	assert_int_equal(profile_stack_depth(profile, 0), 0);
	assert_string_equal(profile_text(profile, 0), "");
	profile_free(NULL);
}

static void equal_stacks_are_one(void **state)
{
	struct profile *profile = *state;
	uint32_t abc = stack(profile, (uint64_t[]){ 10, 20, 30, 0 });
	uint32_t abd = stack(profile, (uint64_t[]){ 10, 20, 40, 0 });
	uint32_t ab = stack(profile, (uint64_t[]){ 10, 20, 0 });

	assert_int_equal(stack(profile, (uint64_t[]){ 10, 20, 30, 0 }), abc);
	assert_int_not_equal(abc, abd);
	assert_int_equal(profile->stacks.data[abc].parent, ab);
	assert_int_equal(profile->stacks.data[abd].parent, ab);
	assert_int_equal(profile->stacks.len, 5);
	assert_int_equal(profile_stack_depth(profile, abc), 3);
	assert_int_equal(profile_stack_depth(profile, ab), 2);
}

/* Recursion makes the same frame stand on itself. */
static void recursion_is_depth(void **state)
{
	struct profile *profile = *state;
	uint32_t once = stack(profile, (uint64_t[]){ 10, 0 });
	uint32_t twice = stack(profile, (uint64_t[]){ 10, 10, 0 });

	assert_int_not_equal(once, twice);
	assert_int_equal(profile->frames.len, 1);
	assert_int_equal(profile_stack_depth(profile, twice), 2);
}

static void parents_come_first(void **state)
{
	struct profile *profile = *state;

	for (uint64_t i = 1; i < 1000; i++)
		stack(profile, (uint64_t[]){ i % 7 + 1, i % 31 + 1, i, 0 });
	for (uint32_t i = 1; i < profile->stacks.len; i++)
		assert_true(profile->stacks.data[i].parent < i);
}

static void frames_differ_in_every_field(void **state)
{
	struct profile *profile = *state;
	struct frame frames[] = {
		{ .address = 1, .kind = FRAME_USER, .origin = 1 },
		{ .address = 2, .kind = FRAME_USER, .origin = 1 },
		{ .address = 1, .kind = FRAME_JIT, .origin = 1 },
		{ .address = 1, .kind = FRAME_USER, .origin = 2 },
		{ .address = 1, .kind = FRAME_USER, .origin = 1, .is_return_address = true },
	};
	uint32_t id;

	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < array_len(frames); i++) {
			assert_int_equal(profile_add_frame(profile, &frames[i], &id), 0);
			assert_int_equal(id, i);
		}
	}
}

static void files_are_told_apart_by_identity(void **state)
{
	struct profile *profile = *state;
	struct file file = { .path = text(profile, "/a"), .device = 1, .inode = 2 };
	struct file files[] = { file, file, file, file };
	uint32_t id;

	files[1].inode = 3;
	files[2].generation = 1; /* the inode's number is in use again */
	files[3].path = text(profile, "/b");
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < array_len(files); i++) {
			assert_int_equal(profile_add_file(profile, &files[i], &id), 0);
			assert_int_equal(id, i);
		}
	}
}

/* A number that is used again is another process; a renamed thread another task. */
static void processes_and_tasks(void **state)
{
	struct profile *profile = *state;
	struct process process = { .pid = 100 };
	uint32_t one, two;

	assert_int_equal(profile_add_process(profile, &process, &one), 0);
	assert_int_equal(profile_add_process(profile, &process, &two), 0);
	assert_int_not_equal(one, two);
	assert_int_equal(task(profile, one, 100, "sh"), task(profile, one, 100, "sh"));
	assert_int_not_equal(task(profile, one, 100, "sh"), task(profile, two, 100, "sh"));
	assert_int_not_equal(task(profile, one, 100, "sh"), task(profile, one, 101, "sh"));
	assert_int_not_equal(task(profile, one, 100, "sh"), task(profile, one, 100, "ls"));
}

static void counts_by_task_and_stack(void **state)
{
	struct profile *profile = *state;
	uint32_t leaf = stack(profile, (uint64_t[]){ 10, 20, 0 });
	uint32_t a = task(profile, 0, 1, "a"), b = task(profile, 0, 2, "b");

	assert_int_equal(profile_count(profile, a, leaf, 2, 2000), 0);
	assert_int_equal(profile_count(profile, b, leaf, 1, 1000), 0);
	assert_int_equal(profile_count(profile, a, leaf, 3, 3000), 0);
	assert_int_equal(profile_count(profile, a, 0, 1, 500), 0);
	assert_int_equal(profile->entries.len, 3);
	assert_int_equal(profile->entries.data[0].samples, 5);
	assert_int_equal(profile->entries.data[0].weight_ns, 5000);
	assert_int_equal(profile->samples, 7);
	assert_int_equal(profile->weight_ns, 6500);
}

static void moments_count_too(void **state)
{
	struct profile *profile = *state;
	struct moment moment = { .weight_ns = 10, .stack = stack(profile, (uint64_t[]){ 1, 0 }) };

	for (uint64_t i = 0; i < 5; i++) {
		moment.at_mono_ns = i;
		assert_int_equal(profile_add_moment(profile, &moment), 0);
	}
	assert_int_equal(profile->moments.len, 5);
	assert_int_equal(profile->moments.data[4].at_mono_ns, 4);
	assert_int_equal(profile->entries.len, 1);
	assert_int_equal(profile->samples, 5);
	assert_int_equal(profile->weight_ns, 50);
}

/* At a ceiling nothing is counted by half. */
static void ceilings_refuse(void **state)
{
	struct profile *profile = *state;
	struct moment moment = { .weight_ns = 10 };
	size_t len;

	len = profile->stacks.len;
	profile->stacks.len = PROFILE_MAX_STACKS;
	assert_int_equal(profile_add_stack(profile, 0, 7, &(uint32_t){ 0 }), -E2BIG);
	profile->stacks.len = len;

	len = profile->entries.len;
	profile->entries.len = PROFILE_MAX_ENTRIES;
	assert_int_equal(profile_count(profile, 1, 0, 1, 10), -E2BIG);
	profile->entries.len = len;

	len = profile->moments.len;
	profile->moments.len = PROFILE_MAX_MOMENTS;
	assert_int_equal(profile_add_moment(profile, &moment), -E2BIG);
	profile->moments.len = len;
	assert_int_equal(profile->samples, 0);
	assert_int_equal(profile->weight_ns, 0);
}

static void holds_many_stacks(void **state)
{
	struct profile *profile = *state;
	uint32_t first[1000];

	for (uint32_t i = 0; i < 1000; i++)
		first[i] = stack(profile, (uint64_t[]){ 1, i + 2, 3, i + 4, 0 });
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(stack(profile, (uint64_t[]){ 1, i + 2, 3, i + 4, 0 }), first[i]);
}

#define with_profile(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_profile(begins_with_the_empty_stack),
		with_profile(equal_stacks_are_one),
		with_profile(recursion_is_depth),
		with_profile(parents_come_first),
		with_profile(frames_differ_in_every_field),
		with_profile(files_are_told_apart_by_identity),
		with_profile(processes_and_tasks),
		with_profile(counts_by_task_and_stack),
		with_profile(moments_count_too),
		with_profile(ceilings_refuse),
		with_profile(holds_many_stacks),
	};

	return test_run(tests);
}
