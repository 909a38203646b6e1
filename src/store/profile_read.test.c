/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "base/clock.h"
#include "model/profile.h"
#include "store/file.test.h"
#include "store/profile_read.h"
#include "store/store.h"

#define BEGIN_NS (1800000000 * NS_PER_S)
#define WAYS \
	20u /* to go on from the root, and from each of these: more than are looked through one by one */
#define SLICES 3u

static int each_test(void **state)
{
	(void)state;
	file_begin("profile");
	return 0;
}

static uint32_t add_frame(struct profile *profile, uint32_t function)
{
	struct frame frame = { .kind = FRAME_KERNEL, .address = function + 1 };
	struct name name = { 0 };
	char text[32];
	uint32_t number;

	snprintf(text, sizeof(text), "f%u", function);
	assert_int_equal(profile_add_text(profile, text, &name.function), 0);
	assert_int_equal(profile_add_frame(profile, &frame, &number), 0);
	if (!profile->frames.data[number].name_count) {
		profile->frames.data[number].first_name = (uint32_t)profile->names.len;
		profile->frames.data[number].name_count = 1;
		assert_int_equal(vec_push(&profile->names, name), 0);
	}
	return number;
}

static uint32_t add_task(struct profile *profile, uint32_t tid)
{
	struct process process = { .pid = 7 };
	struct task task = { .tid = tid };
	uint32_t number;

	assert_int_equal(profile_add_text(profile, "name", &process.name), 0);
	task.name = process.name;
	if (!profile->processes.len)
		assert_int_equal(profile_add_process(profile, &process, &task.process), 0);
	assert_int_equal(profile_add_task(profile, &task, &number), 0);
	return number;
}

/* root;fA;fB for each A and B, the inner loop backwards so that the stacks are in no order; by two threads. */
static struct profile *make_profile(void)
{
	struct profile *profile = NULL;
	uint32_t root, first, second;

	assert_int_equal(profile_new(&profile), 0);
	assert_int_equal(profile_add_stack(profile, 0, add_frame(profile, 1000), &root), 0);
	for (uint32_t b = WAYS; b-- > 0;)
		for (uint32_t a = 0; a < WAYS; a++) {
			assert_int_equal(
				profile_add_stack(profile, root, add_frame(profile, a), &first), 0);
			assert_int_equal(
				profile_add_stack(profile, first, add_frame(profile, b), &second),
				0);
			for (uint32_t tid = 1; tid <= 2; tid++)
				assert_int_equal(profile_count(profile, add_task(profile, tid),
							       second, tid,
							       (a * WAYS + b + 1) * tid),
						 0);
		}
	return profile;
}

static struct profile *write_and_read(void)
{
	const struct store_options options = { .path = path };
	const struct profile_query query = { .end_unix_ns = BEGIN_NS + 3600 * NS_PER_S };
	struct profile *profile = make_profile(), *read = NULL;
	struct store_reader *reader = NULL;
	struct store *store = NULL;

	assert_int_equal(store_open(&options, NULL, 0, &store), 0);
	for (uint64_t i = 0; i < SLICES; i++) {
		const struct store_slice slice = {
			.profile = profile,
			.from_unix_ns = BEGIN_NS + i * 10 * NS_PER_S,
			.to_unix_ns = BEGIN_NS + (i + 1) * 10 * NS_PER_S,
			.is_new = i == 0,
		};

		assert_int_equal(store_add_slice(store, &slice), 0);
		store_tick(store, true);
	}
	store_close(store);
	profile_free(profile);
	assert_int_equal(store_reader_open(path, NULL, 0, &reader), 0);
	assert_int_equal(profile_read(reader, &query, false, &read), 0);
	store_reader_close(reader);
	return read;
}

static uint32_t function_of(const struct profile *profile, uint32_t stack)
{
	const struct frame *frame = &profile->frames.data[profile->stacks.data[stack].frame];
	const char *text = profile_text(profile, profile->names.data[frame->first_name].function);

	return (uint32_t)strtoul(text + 1, NULL, 10);
}

/* Every stack once, with what was counted of each thread. */
static void stacks_come_back_as_they_were(void **state)
{
	struct profile *profile = write_and_read();

	(void)state;
	assert_int_equal(profile->entries.len, WAYS * WAYS * 2);
	assert_int_equal(profile->stacks.len, 1 + 1 + WAYS + WAYS * WAYS);
	assert_int_equal(profile->samples, WAYS * WAYS * 3 * SLICES);
	vec_each(entry, &profile->entries) {
		uint32_t first = profile->stacks.data[entry->stack].parent;
		uint32_t a = function_of(profile, first), b = function_of(profile, entry->stack);
		uint32_t tid = profile->tasks.data[entry->task].tid;

		assert_int_equal(function_of(profile, profile->stacks.data[first].parent), 1000);
		assert_int_equal(entry->samples, tid * SLICES);
		assert_int_equal(entry->weight_ns, (a * WAYS + b + 1) * tid * SLICES);
	}
	profile_free(profile);
}

/* What was appended without looking is found by those who look. */
static void appended_stacks_are_found(void **state)
{
	struct profile *profile = write_and_read();
	size_t count = profile->stacks.len;

	(void)state;
	for (uint32_t stack = 1; stack < count; stack++) {
		uint32_t found;

		assert_int_equal(profile_add_stack(profile, profile->stacks.data[stack].parent,
						   profile->stacks.data[stack].frame, &found),
				 0);
		assert_int_equal(found, stack);
	}
	assert_int_equal(profile->stacks.len, count);
	profile_free(profile);
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, each_test, file_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(stacks_come_back_as_they_were),
		with_file(appended_stacks_are_found),
	};

	return test_run(tests);
}
