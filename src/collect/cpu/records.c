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
	vec_each(early, &records->early)
		free(early->words);
	vec_each(waker, &records->wakers)
		free(waker->words);
	vec_done(&records->wakers);
	vec_done(&records->early);
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
		.left_at_mono_ns = from->left_at,
		.reason = from->reason,
		.count = 1,
	};

	memcpy(sample.comm, from->comm, sizeof(sample.comm));
	sample.comm[sizeof(sample.comm) - 1] = '\0';
	return sample;
}

static void drop_waker(struct records *records, size_t index)
{
	struct early *wakers = records->wakers.data;

	free(wakers[index].words);
	memmove(wakers + index, wakers + index + 1,
		(--records->wakers.len - index) * sizeof(*wakers));
}

/* Who ended the wait that a sample is of, if that was asked for. */
static int attach_waker(struct records *records, struct sample *sample)
{
	struct batch *batch = records->batch;
	int err = 0;

	for (size_t i = records->wakers.len; !err && i-- > 0;) {
		const struct early *early = &records->wakers.data[i];
		struct sample waker = early->sample;

		if (early->exec_id != sample->tid)
			continue;
		if (waker.left_at_mono_ns == sample->left_at_mono_ns && !sample->waker) {
			waker.first_raw = (uint32_t)batch->frames.len;
			waker.first_user = waker.first_raw + waker.raw_words;
			waker.first_kernel = waker.first_user + waker.user_frames;
			err = push_frames(batch, early->words,
					  (size_t)waker.raw_words + waker.user_frames +
						  waker.kernel_frames);
			err = err ?: vec_push(&batch->wakers, waker);
			sample->waker = (uint32_t)batch->wakers.len;
		}
		drop_waker(records, i); /* what is older was of a wait that is over */
	}
	return err;
}

static int take_waker(struct records *records, const struct cpu_sample *from, size_t frames)
{
	struct early early = { .sample = head_of(from), .exec_id = from->waits };
	struct sample *waker = &early.sample;
	int err = attach_raw(records, waker);
	size_t raw = waker->raw_words;

	if (err)
		return err;
	if (records->wakers.len >= RECORDS_WAKERS_MAX)
		drop_waker(records, 0);
	early.words = malloc((raw + frames + 1) * sizeof(u64));
	if (!early.words)
		return -ENOMEM;
	if (raw)
		memcpy(early.words, records->batch->frames.data + waker->first_raw,
		       raw * sizeof(u64));
	if (frames)
		memcpy(early.words + raw, from->frames, frames * sizeof(u64));
	err = vec_push(&records->wakers, early);
	if (err)
		free(early.words);
	return err;
}

static int take_sample(struct records *records, const struct cpu_sample *from, size_t frames)
{
	struct sample sample = head_of(from);
	int err = attach_raw(records, &sample);

	if (!err && sample.reason)
		err = attach_waker(records, &sample);
	if (err)
		return err;
	sample.first_user = (uint32_t)records->batch->frames.len;
	sample.first_kernel = sample.first_user + from->user_frames;
	err = push_frames(records->batch, from->frames, frames);
	return err ?: vec_push(&records->batch->samples, sample);
}

/* What a user stack is to be matched by: with the key, the program must be the same, since a stay in the
 * kernel may have been execve().
 */
struct user_stack {
	const struct sample *sample; /* NULL: none will come */
	uint32_t exec_id;
};

static void take_stack(struct sample *sample, uint32_t exec_id, const struct user_stack *user)
{
	if (!user->sample || exec_id != user->exec_id) {
		sample->user_stop = STACK_STOP_STAYED;
		return;
	}
	if (sample->key != user->sample->key) {
		sample->user_stop = STACK_STOP_LOST;
		return;
	}
	sample->first_user = user->sample->first_user;
	sample->user_frames = user->sample->user_frames;
	sample->user_stop = user->sample->user_frames ? user->sample->user_stop : STACK_STOP_STAYED;
	sample->first_raw = user->sample->first_raw;
	sample->raw_words = user->sample->raw_words;
}

static int finish_one(struct records *records, struct waiting *waiting,
		      const struct user_stack *user)
{
	struct sample *sample = &waiting->sample;
	struct batch *batch = records->batch;
	int err = sample->reason ? attach_waker(records, sample) : 0;

	take_stack(sample, waiting->exec_id, user);
	sample->key = 0;
	sample->first_kernel = (uint32_t)batch->frames.len;
	err = err ?: push_frames(batch, waiting->kernel, sample->kernel_frames);
	free(waiting->kernel);
	return err ?: vec_push(&batch->samples, *sample);
}

/* Completes what waits of a thread: that of one stay in the kernel by its user stack; that of an
 * earlier one, whose user stack was lost, without.  Return: how many; -ENOMEM
 */
static int complete(struct records *records, uint32_t tid, const struct user_stack *user)
{
	size_t kept = 0, before = records->waiting.len;
	int err = 0;

	vec_each(waiting, &records->waiting) {
		if (err || waiting->sample.tid != tid)
			records->waiting.data[kept++] = *waiting;
		else
			err = finish_one(records, waiting, user);
	}
	records->waiting.len = kept;
	return err ?: (int)(before - kept);
}

int records_flush(struct records *records)
{
	const struct user_stack none = { 0 };
	int err = 0;

	vec_each(waiting, &records->waiting)
		err = err ?: finish_one(records, waiting, &none);
	records->waiting.len = 0;
	return err;
}

static void drop_early(struct records *records, size_t index)
{
	struct early *early = records->early.data;

	free(early[index].words);
	memmove(early + index, early + index + 1, (--records->early.len - index) * sizeof(*early));
}

/* The wait that a user stack came for.  Return: 0, it is complete; 1: there is no such stack; -ENOMEM */
static int complete_early(struct records *records, struct waiting *waiting)
{
	struct batch *batch = records->batch;
	size_t i = records->early.len;
	struct early *early;
	struct sample user;
	int err;

	while (i > 0 && records->early.data[i - 1].sample.tid != waiting->sample.tid)
		i--;
	early = i ? &records->early.data[i - 1] : NULL;
	if (!early || early->sample.key != waiting->sample.key)
		return 1;
	user = early->sample;
	user.first_raw = (uint32_t)batch->frames.len;
	user.first_user = user.first_raw + user.raw_words;
	err = push_frames(batch, early->words, user.raw_words + user.user_frames);
	err = err ?: finish_one(records, waiting, &(struct user_stack){ &user, early->exec_id });
	drop_early(records, i - 1);
	return err;
}

static int take_part(struct records *records, const struct cpu_sample *from)
{
	struct waiting waiting = { .sample = head_of(from), .exec_id = from->exec_id };
	size_t bytes = from->kernel_frames * sizeof(u64);
	int err = 0;

	if (records->waiting.len >= RECORDS_WAITING_MAX)
		err = records_flush(records);
	if (bytes && !err) {
		waiting.kernel = malloc(bytes);
		if (!waiting.kernel)
			return -ENOMEM;
		memcpy(waiting.kernel, from->frames, bytes);
	}
	err = err ?: complete_early(records, &waiting);
	if (err <= 0)
		return err;
	err = vec_push(&records->waiting, waiting);
	if (err)
		free(waiting.kernel);
	return err;
}

/* A user stack before its wait is kept until that ends; and it goes through at once, for nothing, so
 * that the tables which its walk lacked are made.
 */
static int keep_early(struct records *records, const struct sample *user, uint32_t exec_id)
{
	struct batch *batch = records->batch;
	struct early early = { .sample = *user, .exec_id = exec_id };
	struct sample lesson = *user;
	size_t words = (size_t)user->raw_words + user->user_frames;
	int err;

	lesson.count = lesson.key = 0;
	err = vec_push(&batch->samples, lesson);
	if (err)
		return err;
	for (size_t i = records->early.len; i-- > 0;)
		if (records->early.data[i].sample.tid == user->tid)
			drop_early(records, i);
	if (records->early.len >= RECORDS_EARLY_MAX)
		drop_early(records, 0);
	early.words = malloc(words * sizeof(u64));
	if (!early.words)
		return -ENOMEM;
	memcpy(early.words, batch->frames.data + user->first_raw, user->raw_words * sizeof(u64));
	memcpy(early.words + user->raw_words, batch->frames.data + user->first_user,
	       user->user_frames * sizeof(u64));
	err = vec_push(&records->early, early);
	if (err)
		free(early.words);
	return err;
}

static int take_user(struct records *records, const struct cpu_sample *from)
{
	struct sample user = head_of(from);
	int err = attach_raw(records, &user), completed;

	if (err)
		return err;
	user.first_user = (uint32_t)records->batch->frames.len;
	err = push_frames(records->batch, from->frames, from->user_frames);
	if (err)
		return err;
	completed = complete(records, user.tid, &(struct user_stack){ &user, from->exec_id });
	if (completed != 0 || user.user_stop != STACK_STOP_RAW)
		return completed < 0 ? completed : 0;
	return keep_early(records, &user, from->exec_id);
}

/* The last record of a thread. */
static int take_sums(struct records *records, const struct cpu_sample *from)
{
	struct sample sample = head_of(from);
	const uint64_t *sums = from->frames;
	int err = complete(records, sample.tid, &(struct user_stack){ 0 });

	if (err < 0 || from->user_frames != CPU_SUMS)
		return err < 0 ? err : 0;
	err = 0;
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
	case CPU_RECORD_PART:
		return take_part(records, from);
	case CPU_RECORD_USER:
		return take_user(records, from);
	case CPU_RECORD_WAKER:
		return take_waker(records, from, frames);
	case CPU_RECORD_SUMS:
		return take_sums(records, from);
	default:
		return take_sample(records, from, frames);
	}
}
