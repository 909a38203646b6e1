/* SPDX-License-Identifier: MIT */
#include "collect/cpu/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/unwind.wire.h"

void records_begin(struct records *records, struct batch *batch)
{
	records->batch = batch;
}

void records_done(struct records *records)
{
	vec_each(waiting, &records->waiting)
		free(waiting->kernel);
	vec_each(raw, &records->raws)
		free(raw->stack);
	vec_done(&records->raws);
	vec_done(&records->waiting);
}

static int push_frames(struct batch *batch, const uint64_t *frames, size_t count)
{
	int err = vec_reserve(&batch->frames, count);

	if (err)
		return err;
	if (count)
		memcpy(batch->frames.data + batch->frames.len, frames, count * sizeof(*frames));
	batch->frames.len += count;
	return 0;
}

static void drop_raw(struct records *records, size_t index)
{
	struct raw_stack *raws = records->raws.data;

	free(raws[index].stack);
	memmove(raws + index, raws + index + 1, (--records->raws.len - index) * sizeof(*raws));
}

/* The rest of a stack, for the record of that CPU that comes next. */
static int take_raw(struct records *records, const struct cpu_raw *raw, size_t len)
{
	size_t bytes = raw->words * sizeof(u64);
	struct raw_stack stack = { raw->at, raw->cpu, raw->words, NULL };
	int err;

	if (raw->words < UNWIND_RAW_STACK || len < sizeof(*raw) + bytes)
		return 0;
	if (records->raws.len >= RECORDS_RAWS_MAX)
		drop_raw(records, 0);
	stack.stack = malloc(bytes);
	if (!stack.stack)
		return -ENOMEM;
	memcpy(stack.stack, raw->raw, bytes);
	err = vec_push(&records->raws, stack);
	if (err)
		free(stack.stack);
	return err;
}

static int attach_raw(struct records *records, struct sample *sample)
{
	int err = 0;

	if (sample->user_stop != STACK_STOP_RAW)
		return 0;
	sample->user_stop = STACK_STOP_NO_TABLE;
	for (size_t i = records->raws.len; i-- > 0;) {
		const struct raw_stack *raw = &records->raws.data[i];

		if (raw->at != sample->at_mono_ns || raw->cpu != sample->cpu)
			continue;
		sample->user_stop = STACK_STOP_RAW;
		sample->first_raw = (uint32_t)records->batch->frames.len;
		sample->raw_words = raw->words;
		err = push_frames(records->batch, raw->stack, raw->words);
		drop_raw(records, i);
		break;
	}
	return err;
}

/* Everything but where the frames are. */
static struct sample head_of(const struct cpu_sample *from)
{
	struct sample sample = {
		.at_mono_ns = from->at,
		.weight_ns = from->weight,
		.key = from->key,
		.pid = from->pid,
		.tid = from->tid,
		.cpu = from->cpu,
		.user_frames = from->user_frames,
		.kernel_frames = from->kernel_frames,
		.user_stop = from->user_stop,
		.reason = from->reason,
		.count = 1,
	};

	memcpy(sample.comm, from->comm, sizeof(sample.comm));
	sample.comm[sizeof(sample.comm) - 1] = '\0';
	return sample;
}

static int take_sample(struct records *records, const struct cpu_sample *from, size_t frames)
{
	struct sample sample = head_of(from);
	int err = attach_raw(records, &sample);

	if (err)
		return err;
	sample.first_user = (uint32_t)records->batch->frames.len;
	sample.first_kernel = sample.first_user + from->user_frames;
	err = push_frames(records->batch, from->frames, frames);
	return err ?: vec_push(&records->batch->samples, sample);
}

static int finish_one(struct batch *batch, struct waiting *waiting, const struct sample *user)
{
	struct sample *sample = &waiting->sample;
	int err;

	if (user && sample->key == user->key) {
		sample->first_user = user->first_user;
		sample->user_frames = user->user_frames;
		sample->user_stop = user->user_stop;
		sample->first_raw = user->first_raw;
		sample->raw_words = user->raw_words;
	}
	sample->key = 0;
	sample->first_kernel = (uint32_t)batch->frames.len;
	err = push_frames(batch, waiting->kernel, sample->kernel_frames);
	free(waiting->kernel);
	return err ?: vec_push(&batch->samples, *sample);
}

/* Completes the waits of a thread: those of one stay in the kernel by its user stack; those of an
 * earlier one, whose user stack was lost, without.
 */
static int complete(struct records *records, uint32_t tid, const struct sample *user)
{
	size_t kept = 0;
	int err = 0;

	vec_each(waiting, &records->waiting) {
		if (err || waiting->sample.tid != tid)
			records->waiting.data[kept++] = *waiting;
		else
			err = finish_one(records->batch, waiting, user);
	}
	records->waiting.len = kept;
	return err;
}

int records_flush(struct records *records, struct batch *batch)
{
	int err = 0;

	vec_each(waiting, &records->waiting)
		err = err ?: finish_one(batch, waiting, NULL);
	records->waiting.len = 0;
	return err;
}

static int take_block(struct records *records, const struct cpu_sample *from)
{
	struct waiting waiting = { .sample = head_of(from) };
	size_t bytes = from->kernel_frames * sizeof(u64);
	int err = 0;

	if (records->waiting.len >= RECORDS_WAITING_MAX)
		err = records_flush(records, records->batch);
	if (bytes && !err) {
		waiting.kernel = malloc(bytes);
		if (!waiting.kernel)
			return -ENOMEM;
		memcpy(waiting.kernel, from->frames, bytes);
	}
	err = err ?: vec_push(&records->waiting, waiting);
	if (err)
		free(waiting.kernel);
	return err;
}

static int take_user(struct records *records, const struct cpu_sample *from)
{
	struct sample user = head_of(from);
	int err = attach_raw(records, &user);

	if (err)
		return err;
	user.first_user = (uint32_t)records->batch->frames.len;
	err = push_frames(records->batch, from->frames, from->user_frames);
	return err ?: complete(records, user.tid, &user);
}

/* The last record of a thread. */
static int take_sums(struct records *records, const struct cpu_sample *from)
{
	struct sample sample = head_of(from);
	const uint64_t *sums = from->frames;
	int err = complete(records, sample.tid, NULL);

	if (from->user_frames != CPU_SUMS)
		return err;
	sample.user_frames = 0;
	if (!err && sums[CPU_SUM_SHORT]) {
		sample.reason = BLOCK_SHORT;
		sample.weight_ns = sums[CPU_SUM_SHORT_NS];
		sample.count = sums[CPU_SUM_SHORT];
		err = vec_push(&records->batch->samples, sample);
	}
	if (!err && sums[CPU_SUM_RUNQ]) {
		sample.reason = BLOCK_RUNQ;
		sample.weight_ns = sums[CPU_SUM_RUNQ_NS];
		sample.count = sums[CPU_SUM_RUNQ];
		err = vec_push(&records->batch->samples, sample);
	}
	return err;
}

size_t records_length(const void *data, size_t len)
{
	const struct cpu_raw *raw = data;
	const struct cpu_sample *sample = data;
	size_t length;

	if (len < sizeof(*raw))
		return 0;
	if (!raw->none)
		length = sizeof(*raw) + (size_t)raw->words * sizeof(u64);
	else if (len < sizeof(*sample))
		return 0;
	else
		length = sizeof(*sample) +
			 ((size_t)sample->kernel_frames + sample->user_frames) * sizeof(u64);
	return length <= len ? length : 0;
}

int records_take(struct records *records, const void *data, size_t len)
{
	const struct cpu_sample *from = data;
	size_t frames;

	if (len >= sizeof(struct cpu_raw) && !from->at)
		return take_raw(records, data, len);
	if (len < sizeof(*from))
		return 0;
	frames = (size_t)from->kernel_frames + from->user_frames;
	if (len < sizeof(*from) + frames * sizeof(u64) || from->kernel_frames > STACK_MAX_KERNEL)
		return 0;
	records->received++;
	switch (from->kind) {
	case CPU_RECORD_BLOCK:
		return take_block(records, from);
	case CPU_RECORD_USER:
		return take_user(records, from);
	case CPU_RECORD_SUMS:
		return take_sums(records, from);
	default:
		return take_sample(records, from, frames);
	}
}
