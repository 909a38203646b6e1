/* SPDX-License-Identifier: MIT */
/* Synthetic batches, as collect/ would make them. */
#include <string.h>

#include "base/test.h"
#include "session/intake.h"

#define PID  4194305u /* above the highest pid_max of any kernel */
#define CODE 0x400000u

struct world {
	struct profile *profile;
	struct files *files;
	struct intake *intake;
	struct batch batch;
};

static void begin(struct world *world)
{
	const struct cpu_request host = {
		.kind = TARGET_HOST, .rate_hz = 99, .want_user = true, .want_kernel = true
	};

	*world = (struct world){ 0 };
	assert_int_equal(profile_new(&world->profile), 0);
	assert_int_equal(files_new(&world->files), 0);
	assert_int_equal(intake_new(world->profile, world->files, &host, &world->intake), 0);
}

static void end(struct world *world)
{
	intake_free(world->intake);
	files_free(world->files);
	profile_free(world->profile);
	batch_done(&world->batch);
}

static void take_in(struct world *world)
{
	assert_int_equal(intake_take(world->intake, &world->batch), 0);
	batch_clear(&world->batch);
}

static void add_event(struct world *world, struct process_event event, const char *text)
{
	size_t len = strlen(text) + 1;

	event.tid = event.pid;
	event.order = (uint32_t)world->batch.events.len;
	event.text = (uint32_t)world->batch.text.len;
	assert_int_equal(vec_reserve(&world->batch.text, len), 0);
	memcpy(world->batch.text.data + world->batch.text.len, text, len);
	world->batch.text.len += len;
	assert_int_equal(vec_push(&world->batch.events, event), 0);
}

static void add_exec(struct world *world, uint64_t at, uint32_t pid, const char *comm)
{
	add_event(world,
		  (struct process_event){ .kind = PROCESS_EXEC, .at_mono_ns = at, .pid = pid },
		  comm);
}

static void add_map(struct world *world, uint64_t at, uint32_t pid, const char *path)
{
	add_event(world,
		  (struct process_event){ .kind = PROCESS_MAP,
					  .at_mono_ns = at,
					  .pid = pid,
					  .start = CODE,
					  .end = CODE + 0x10000,
					  .inode = 7 },
		  path);
}

/* One user frame, and one of the kernel where `kernel` is not 0. */
static void add_sample(struct world *world, uint64_t at, uint64_t key, uint64_t kernel)
{
	struct sample sample = {
		.at_mono_ns = at,
		.weight_ns = 10,
		.count = 1,
		.key = key,
		.pid = PID,
		.tid = PID,
		.comm = "comm",
		.first_user = (uint32_t)world->batch.frames.len,
		.user_frames = 1,
		.first_kernel = (uint32_t)world->batch.frames.len + 1,
		.kernel_frames = kernel != 0,
	};

	assert_int_equal(vec_push(&world->batch.frames, CODE + 0x10), 0);
	if (kernel)
		assert_int_equal(vec_push(&world->batch.frames, kernel), 0);
	assert_int_equal(vec_push(&world->batch.samples, sample), 0);
}

/* Samples whose stack begins in this file, or at an unknown address for "". */
static uint64_t samples_in(const struct world *world, const char *path)
{
	const struct profile *profile = world->profile;
	uint64_t samples = 0;

	vec_each(entry, &profile->entries) {
		uint32_t stack = entry->stack;
		const struct frame *frame;
		const char *where = "";

		while (profile->stacks.data[stack].parent)
			stack = profile->stacks.data[stack].parent;
		frame = &profile->frames.data[profile->stacks.data[stack].frame];
		if (frame->kind == FRAME_USER)
			where = profile_text(profile, profile->files.data[frame->origin].path);
		if (strcmp(where, path) == 0)
			samples += entry->samples;
	}
	return samples;
}

/* The files come in any order; what was mapped when it was sampled counts. */
static void samples_see_the_events_before_them(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	add_sample(&world, 60, 0, 0);
	add_map(&world, 50, PID, "/bin/second");
	add_sample(&world, 30, 0, 0);
	add_exec(&world, 40, PID, "second");
	add_sample(&world, 45, 0, 0);
	add_map(&world, 20, PID, "/bin/first");
	add_exec(&world, 10, PID, "first");
	add_sample(&world, 31, 0, 0);
	take_in(&world);
	assert_int_equal(samples_in(&world, "/bin/first"), 2);
	assert_int_equal(samples_in(&world, "/bin/second"), 1);
	assert_int_equal(samples_in(&world, ""), 1);
	assert_int_equal(world.profile->samples, 4);
	assert_int_equal(world.profile->weight_ns, 40);
	end(&world);
}

/* Within one instant the order in which one CPU wrote them decides. */
static void events_of_one_instant_keep_their_order(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	add_map(&world, 10, PID, "/bin/before");
	add_exec(&world, 10, PID, "after");
	add_map(&world, 10, PID, "/bin/after");
	add_sample(&world, 10, 0, 0);
	take_in(&world);
	assert_int_equal(samples_in(&world, "/bin/after"), 1);
	end(&world);
}

static void an_event_holds_for_later_batches(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	add_exec(&world, 10, PID, "name");
	add_map(&world, 11, PID, "/bin/name");
	take_in(&world);
	add_sample(&world, 20, 0, 0);
	take_in(&world);
	assert_int_equal(samples_in(&world, "/bin/name"), 1);
	end(&world);
}

static void counts_add_to_the_sample_of_their_key(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	add_exec(&world, 1, PID, "name");
	add_map(&world, 2, PID, "/bin/name");
	add_sample(&world, 10, 111, 0);
	add_sample(&world, 11, 222, 0xffffffff81000000u);
	take_in(&world);
	assert_int_equal(vec_push(&world.batch.counts, { 111, 5, 50 }), 0);
	assert_int_equal(vec_push(&world.batch.counts, { 222, 1, 10 }), 0);
	take_in(&world);
	/* The kernel cleared the count: the same key comes whole again, and counts once more. */
	add_sample(&world, 30, 111, 0);
	assert_int_equal(vec_push(&world.batch.counts, { 111, 2, 20 }), 0);
	take_in(&world);
	assert_int_equal(world.profile->entries.len, 2);
	assert_int_equal(world.profile->samples, 11);
	assert_int_equal(world.profile->weight_ns, 110);
	assert_int_equal(coverage_lost(&world.profile->coverage), 0);
	end(&world);
}

/* The sample that would have told the stack was lost: its repetitions are a loss, not a guess. */
static void a_count_for_an_unknown_key_is_a_loss(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	add_sample(&world, 10, 111, 0);
	assert_int_equal(vec_push(&world.batch.counts, { 999, 7, 70 }), 0);
	take_in(&world);
	assert_int_equal(world.profile->samples, 1);
	assert_int_equal(coverage_lost(&world.profile->coverage), 7);
	end(&world);
}

static void losses_are_added_up_by_kind(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vec_push(&world.batch.losses, { "samples: ring buffer full", 2 }),
				 0);
		assert_int_equal(vec_push(&world.batch.losses, { "process events", 1 }), 0);
		take_in(&world);
	}
	assert_int_equal(world.profile->coverage.lost.len, 2);
	assert_int_equal(world.profile->coverage.lost.data[0].count, 6);
	assert_int_equal(world.profile->coverage.lost.data[1].count, 3);
	end(&world);
}

/* The process is gone, so /proc cannot repair the loss; what is known stays, and that is said. */
static void lost_events_keep_what_is_known(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	add_exec(&world, 1, PID, "name");
	add_map(&world, 2, PID, "/bin/name");
	add_sample(&world, 3, 0, 0);
	take_in(&world);
	world.batch.lost_events = true;
	add_sample(&world, 10, 0, 0);
	take_in(&world);
	assert_int_equal(samples_in(&world, "/bin/name"), 2);
	end(&world);
}

static void every_sample_is_kept_where_it_is_wanted(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	world.profile->keep_moments = true;
	add_sample(&world, 12, 0, 0xffffffff81000000u);
	add_sample(&world, 11, 0, 0);
	take_in(&world);
	assert_int_equal(world.profile->moments.len, 2);
	assert_int_equal(world.profile->moments.data[0].at_mono_ns, 11);
	assert_int_equal(world.profile->moments.data[0].kernel_frames, 0);
	assert_int_equal(world.profile->moments.data[1].at_mono_ns, 12);
	assert_int_equal(world.profile->moments.data[1].kernel_frames, 1);
	assert_int_equal(world.profile->samples, 2);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_see_the_events_before_them),
		cmocka_unit_test(events_of_one_instant_keep_their_order),
		cmocka_unit_test(an_event_holds_for_later_batches),
		cmocka_unit_test(counts_add_to_the_sample_of_their_key),
		cmocka_unit_test(a_count_for_an_unknown_key_is_a_loss),
		cmocka_unit_test(losses_are_added_up_by_kind),
		cmocka_unit_test(lost_events_keep_what_is_known),
		cmocka_unit_test(every_sample_is_kept_where_it_is_wanted),
	};

	return test_run(tests);
}
