/* SPDX-License-Identifier: MIT */
#include "collect/cpu/records.h"

#include <string.h>

#include "base/test.h"
#include "probe/unwind.wire.h"

#define WORDS_MAX (UNWIND_RAW_STACK + 16)

struct state {
	struct records records;
	struct batch batch;
};

static void give(struct state *state, struct cpu_sample head, size_t frames, uint64_t first)
{
	uint64_t bytes[sizeof(head) / 8 + 8];

	memcpy(bytes, &head, sizeof(head));
	for (size_t i = 0; i < frames; i++)
		bytes[sizeof(head) / 8 + i] = first + i;
	assert_int_equal(
		records_take(&state->records, bytes, sizeof(head) + frames * sizeof(uint64_t)), 0);
}

static void block(struct state *state, uint32_t tid, uint64_t stay, uint64_t weight)
{
	give(state,
	     (struct cpu_sample){ .at = 1000 + weight,
				  .weight = weight,
				  .tid = tid,
				  .key = stay,
				  .kind = CPU_RECORD_PART,
				  .reason = BLOCK_PIPE,
				  .kernel_frames = 2 },
	     2, 0x100 * weight);
}

static void user(struct state *state, uint32_t tid, uint64_t stay, uint64_t first)
{
	give(state,
	     (struct cpu_sample){ .at = 5000,
				  .tid = tid,
				  .key = stay,
				  .kind = CPU_RECORD_USER,
				  .user_stop = STACK_STOP_ROOT,
				  .user_frames = 3 },
	     3, first);
}

static void sums(struct state *state, uint32_t tid, uint64_t first)
{
	give(state,
	     (struct cpu_sample){
		     .at = 6000, .tid = tid, .kind = CPU_RECORD_SUMS, .user_frames = CPU_SUMS },
	     CPU_SUMS, first);
}

static void raw(struct state *state, uint64_t at, uint32_t cpu)
{
	size_t bytes = sizeof(struct cpu_raw) + WORDS_MAX * sizeof(uint64_t);
	own(freep) struct cpu_raw *raw = calloc(1, bytes);

	assert_non_null(raw);
	raw->at = at;
	raw->cpu = cpu;
	raw->words = WORDS_MAX;
	raw->raw[UNWIND_RAW_PID] = cpu;
	assert_int_equal(records_take(&state->records, raw, bytes), 0);
}

static const struct sample *sample_at(const struct state *state, size_t index)
{
	assert_true(index < state->batch.samples.len);
	return &state->batch.samples.data[index];
}

static uint64_t frame_at(const struct state *state, uint32_t index)
{
	assert_true(index < state->batch.frames.len);
	return state->batch.frames.data[index];
}

static int set_up(void **context)
{
	static struct state state;

	state = (struct state){ 0 };
	records_begin(&state.records, &state.batch);
	*context = &state;
	return 0;
}

static int tear_down(void **context)
{
	struct state *state = *context;

	records_done(&state->records);
	batch_done(&state->batch);
	return 0;
}

static void waits_of_one_stay_share_a_user_stack(void **context)
{
	struct state *state = *context;

	block(state, 7, 1, 10);
	block(state, 7, 1, 20);
	block(state, 8, 1, 30);
	assert_int_equal(state->batch.samples.len, 0);
	user(state, 7, 1, 0xa000);
	assert_int_equal(state->batch.samples.len, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct sample *sample = sample_at(state, i);

		assert_int_equal(sample->weight_ns, 10 * (i + 1));
		assert_int_equal(sample->reason, BLOCK_PIPE);
		assert_int_equal(sample->key, 0);
		assert_int_equal(sample->user_frames, 3);
		assert_int_equal(sample->user_stop, STACK_STOP_ROOT);
		assert_int_equal(frame_at(state, sample->first_user), 0xa000);
		assert_int_equal(sample->kernel_frames, 2);
		assert_int_equal(frame_at(state, sample->first_kernel), 0x100 * sample->weight_ns);
	}
}

static void a_lost_user_stack_is_not_replaced_by_the_next(void **context)
{
	struct state *state = *context;

	block(state, 7, 1, 10);
	block(state, 7, 2, 20);
	user(state, 7, 2, 0xa000);
	assert_int_equal(state->batch.samples.len, 2);
	assert_int_equal(sample_at(state, 0)->weight_ns, 10);
	assert_int_equal(sample_at(state, 0)->user_frames, 0);
	assert_int_equal(sample_at(state, 0)->user_stop, STACK_STOP_LOST);
	assert_int_equal(sample_at(state, 1)->user_frames, 3);
}

/* A stay in the kernel may be execve(): the stack that follows is another program's. */
static void a_user_stack_belongs_to_its_program(void **context)
{
	struct state *state = *context;

	block(state, 7, 1, 10);
	give(state,
	     (struct cpu_sample){ .at = 5000,
				  .tid = 7,
				  .key = 1,
				  .exec_id = 1,
				  .kind = CPU_RECORD_USER,
				  .user_stop = STACK_STOP_ROOT,
				  .user_frames = 3 },
	     3, 0xa000);
	assert_int_equal(state->batch.samples.len, 1);
	assert_int_equal(sample_at(state, 0)->user_frames, 0);
	assert_int_equal(sample_at(state, 0)->user_stop, STACK_STOP_STAYED);
}

static void early_user(struct state *state, uint32_t tid, uint64_t key)
{
	raw(state, key, 0);
	give(state,
	     (struct cpu_sample){ .at = key,
				  .tid = tid,
				  .key = key,
				  .kind = CPU_RECORD_USER,
				  .user_stop = STACK_STOP_RAW,
				  .user_frames = 3 },
	     3, key);
}

/* Where walks are not put off, the user stack is there before the wait is over. */
static void an_early_user_stack_waits_for_its_wait(void **context)
{
	struct state *state = *context;

	early_user(state, 7, 100);
	assert_int_equal(state->batch.samples.len, 1); /* for its tables, not for its time */
	assert_int_equal(sample_at(state, 0)->count, 0);
	assert_int_equal(sample_at(state, 0)->weight_ns, 0);
	early_user(state, 7, 200); /* the first wait was short */
	batch_clear(&state->batch);
	records_begin(&state->records, &state->batch);
	block(state, 8, 200, 10);
	block(state, 7, 200, 20);
	assert_int_equal(state->batch.samples.len, 1);
	assert_int_equal(sample_at(state, 0)->weight_ns, 20);
	assert_int_equal(sample_at(state, 0)->count, 1);
	assert_int_equal(sample_at(state, 0)->user_stop, STACK_STOP_RAW);
	assert_int_equal(sample_at(state, 0)->raw_words, WORDS_MAX);
	assert_int_equal(frame_at(state, sample_at(state, 0)->first_user), 200);
	assert_int_equal(frame_at(state, sample_at(state, 0)->first_kernel), 0x100 * 20);
	block(state, 7, 200, 30); /* it served one */
	assert_int_equal(state->batch.samples.len, 1);
}

static void waker(struct state *state, uint32_t tid, uint64_t left_at, uint64_t first)
{
	give(state,
	     (struct cpu_sample){ .at = 900,
				  .left_at = left_at,
				  .waits = tid,
				  .pid = 70,
				  .tid = 71,
				  .kind = CPU_RECORD_WAKER,
				  .user_frames = 1,
				  .kernel_frames = 2 },
	     3, first);
}

/* Of the same wait; one of an earlier wait, which was lost, is not taken for it. */
static void a_waker_belongs_to_its_wait(void **context)
{
	struct state *state = *context;
	const struct sample *of;

	waker(state, 7, 100, 0xc000);
	waker(state, 7, 200, 0xd000);
	waker(state, 8, 200, 0xe000);
	batch_clear(&state->batch);
	records_begin(&state->records, &state->batch);
	give(state,
	     (struct cpu_sample){
		     .at = 1000, .weight = 10, .left_at = 200, .tid = 7, .reason = BLOCK_PIPE },
	     0, 0);
	assert_int_equal(sample_at(state, 0)->waker, 1);
	of = &state->batch.wakers.data[0];
	assert_true(of->pid == 70 && of->tid == 71);
	assert_int_equal(frame_at(state, of->first_user), 0xd000);
	assert_int_equal(frame_at(state, of->first_kernel), 0xd001);
	assert_int_equal(state->records.wakers.len, 1);
	give(state,
	     (struct cpu_sample){
		     .at = 1000, .weight = 10, .left_at = 300, .tid = 8, .reason = BLOCK_PIPE },
	     0, 0);
	assert_int_equal(sample_at(state, 1)->waker, 0);
	assert_int_equal(state->records.wakers.len, 0);
}

static void early_user_stacks_are_bounded(void **context)
{
	struct state *state = *context;

	for (uint32_t i = 0; i < RECORDS_EARLY_MAX + 5; i++)
		early_user(state, 1 + i, 100 + i);
	assert_int_equal(state->records.early.len, RECORDS_EARLY_MAX);
	block(state, 5, 104, 10);
	assert_int_equal(state->records.waiting.len, 1);
	block(state, 6, 105, 10);
	assert_int_equal(state->records.waiting.len, 1);
	assert_int_equal(state->records.early.len, RECORDS_EARLY_MAX - 1);
}

static void a_thread_that_ends_leaves_no_wait_behind(void **context)
{
	struct state *state = *context;

	block(state, 7, 1, 10);
	sums(state, 7, 40);
	assert_int_equal(state->batch.samples.len, 3);
	assert_int_equal(sample_at(state, 0)->weight_ns, 10);
	assert_int_equal(sample_at(state, 0)->user_frames, 0);
	assert_int_equal(sample_at(state, 1)->reason, BLOCK_SHORT);
	assert_int_equal(sample_at(state, 1)->weight_ns, 40);
	assert_int_equal(sample_at(state, 1)->count, 41);
	assert_int_equal(sample_at(state, 2)->reason, BLOCK_RUNQ);
	assert_int_equal(sample_at(state, 2)->weight_ns, 42);
	user(state, 7, 1, 0xa000); /* of a thread that got the number again */
	assert_int_equal(state->batch.samples.len, 3);
}

static void waits_stay_over_batches(void **context)
{
	struct state *state = *context;

	block(state, 7, 1, 10);
	batch_clear(&state->batch);
	records_begin(&state->records, &state->batch);
	user(state, 7, 1, 0xa000);
	assert_int_equal(state->batch.samples.len, 1);
	assert_int_equal(sample_at(state, 0)->user_frames, 3);
	assert_int_equal(frame_at(state, sample_at(state, 0)->first_kernel), 0x100 * 10);
}

static void what_waits_is_bounded(void **context)
{
	struct state *state = *context;

	for (uint32_t i = 0; i < RECORDS_WAITING_MAX + 1; i++)
		block(state, i + 1, 1, 1);
	assert_int_equal(state->batch.samples.len, RECORDS_WAITING_MAX);
	assert_int_equal(records_flush(&state->records), 0);
	assert_int_equal(state->batch.samples.len, RECORDS_WAITING_MAX + 1);
}

static void a_raw_stack_waits_for_its_sample(void **context)
{
	struct state *state = *context;
	struct cpu_sample head = {
		.at = 5, .cpu = 2, .user_frames = 1, .user_stop = STACK_STOP_RAW
	};

	raw(state, 5, 1);
	raw(state, 5, 2);
	batch_clear(&state->batch);
	records_begin(&state->records, &state->batch);
	give(state, head, 1, 0xb000);
	assert_int_equal(sample_at(state, 0)->user_stop, STACK_STOP_RAW);
	assert_int_equal(sample_at(state, 0)->raw_words, WORDS_MAX);
	assert_int_equal(frame_at(state, sample_at(state, 0)->first_raw + UNWIND_RAW_PID), 2);
	assert_int_equal(frame_at(state, sample_at(state, 0)->first_user), 0xb000);
	give(state, head, 1, 0xb000); /* it served one */
	assert_int_equal(sample_at(state, 1)->user_stop, STACK_STOP_NO_TABLE);
}

static void raw_stacks_without_a_sample_are_bounded(void **context)
{
	struct state *state = *context;

	for (uint32_t i = 0; i < RECORDS_RAWS_MAX + 5; i++)
		raw(state, 1000 + i, 0);
	assert_int_equal(state->records.raws.len, RECORDS_RAWS_MAX);
	give(state, (struct cpu_sample){ .at = 1004, .user_stop = STACK_STOP_RAW }, 0, 0);
	give(state, (struct cpu_sample){ .at = 1005, .user_stop = STACK_STOP_RAW }, 0, 0);
	assert_int_equal(sample_at(state, 0)->user_stop, STACK_STOP_NO_TABLE);
	assert_int_equal(sample_at(state, 1)->user_stop, STACK_STOP_RAW);
}

static void lengths_are_those_of_whole_records(void **context)
{
	struct cpu_sample sample = { .at = 1, .kernel_frames = 2, .user_frames = 1 };
	struct cpu_raw head = { .at = 1, .words = UNWIND_RAW_STACK };
	uint64_t bytes[64] = { 0 };

	(void)context;
	memcpy(bytes, &sample, sizeof(sample));
	assert_int_equal(records_length(bytes, sizeof(bytes)), sizeof(sample) + 24);
	assert_int_equal(records_length(bytes, sizeof(sample) + 24), sizeof(sample) + 24);
	assert_int_equal(records_length(bytes, sizeof(sample) + 23), 0);
	assert_int_equal(records_length(bytes, 8), 0);
	memcpy(bytes, &head, sizeof(head));
	assert_int_equal(records_length(bytes, sizeof(bytes)),
			 sizeof(head) + UNWIND_RAW_STACK * sizeof(uint64_t));
	assert_int_equal(records_length(bytes, sizeof(head)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_of_one_stay_share_a_user_stack, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_lost_user_stack_is_not_replaced_by_the_next,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_user_stack_belongs_to_its_program, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_early_user_stack_waits_for_its_wait, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_waker_belongs_to_its_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(early_user_stacks_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_thread_that_ends_leaves_no_wait_behind, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(waits_stay_over_batches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_waits_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_raw_stack_waits_for_its_sample, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(raw_stacks_without_a_sample_are_bounded, set_up,
						tear_down),
		cmocka_unit_test(lengths_are_those_of_whole_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
