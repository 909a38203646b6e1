/* SPDX-License-Identifier: MIT */
#include "session/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* Which entry of the profile the repetitions of a sample belong to. */
struct keyed {
	uint64_t key;
	struct processes_place place;
};

struct intake {
	struct profile *profile;
	struct processes *processes;
	struct batch batch;
	vec(struct keyed) keyed;
	struct index by_key;
};

/* What a sample without frames was doing: it ran where nobody wanted to look. */
static const char *no_frames(const struct cpu_request *request)
{
	if (!request->want_kernel)
		return "[kernel]";
	return request->want_user ? "[unknown]" : "[user]";
}

int intake_new(struct profile *profile, struct files *files, const struct cpu_request *request,
	       struct intake **ret_intake)
{
	bool named = request->kind == TARGET_PROCESS || request->kind == TARGET_THREAD;
	struct intake *intake = calloc(1, sizeof(*intake));
	int err;

	if (!intake)
		return -ENOMEM;
	intake->profile = profile;
	err = processes_new(profile, files, !named || request->launch, no_frames(request),
			    &intake->processes);
	if (request->kind == TARGET_PROCESS)
		for (size_t i = 0; !err && i < request->id_count; i++)
			err = processes_expect(intake->processes, request->ids[i]);
	if (err) {
		intake_free(intake);
		return err;
	}
	*ret_intake = intake;
	return 0;
}

void intake_free(struct intake *intake)
{
	if (!intake)
		return;
	processes_free(intake->processes);
	batch_done(&intake->batch);
	vec_done(&intake->keyed);
	index_done(&intake->by_key);
	free(intake);
}

static bool key_same(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct intake *)owner)->keyed.data[entry].key == *(const uint64_t *)key;
}

/* A key that comes again was cleared in the kernel meanwhile: the same thread, name and stack. */
static int remember_key(struct intake *intake, uint64_t key, const struct processes_place *place)
{
	uint32_t entry = index_find(&intake->by_key, key, key_same, intake, &key);
	int err;

	if (entry != INDEX_NONE) {
		intake->keyed.data[entry] = (struct keyed){ key, *place };
		return 0;
	}
	err = vec_reserve(&intake->keyed, 1);
	err = err ?: index_add(&intake->by_key, key, (uint32_t)intake->keyed.len);
	if (!err)
		intake->keyed.data[intake->keyed.len++] = (struct keyed){ key, *place };
	return err;
}

static int take_sample(struct intake *intake, const struct batch *batch,
		       const struct sample *sample)
{
	struct profile *profile = intake->profile;
	struct processes_place place;
	int err = processes_place(intake->processes, sample, batch->frames.data, &place);

	if (!err && sample->waker)
		err = processes_place_waker(intake->processes,
					    &batch->wakers.data[sample->waker - 1],
					    batch->frames.data, &place);
	if (!err &&
	    !sample->count) /* it came to be walked, so that the next can be in the kernel */
		return 0;
	if (!err && sample->key)
		err = remember_key(intake, sample->key, &place);
	if (!err && profile->keep_moments) {
		struct moment moment = {
			.at_mono_ns = sample->at_mono_ns,
			.weight_ns = sample->weight_ns,
			.task = place.task,
			.stack = place.stack,
			.cpu = (uint16_t)sample->cpu,
			.reason = sample->reason,
			.kernel_frames = sample->kernel_frames,
			.user_frames = place.user_frames,
		};

		err = profile_add_moment(profile, &moment);
	} else if (!err) {
		err = profile_count(profile, place.task, place.stack, sample->count,
				    sample->weight_ns);
	}
	if (!err && place.quality != PROCESSES_NO_STACK)
		quality_count(&profile->quality, place.quality, 1);
	if (err == -E2BIG)
		err = coverage_lose(&profile->coverage, "samples: too many distinct stacks", 1,
				    sample->at_mono_ns);
	return err;
}

static int take_count(struct intake *intake, const struct sample_count *count)
{
	uint32_t entry = index_find(&intake->by_key, count->key, key_same, intake, &count->key);
	const struct processes_place *place;

	if (entry == INDEX_NONE)
		return coverage_lose(&intake->profile->coverage,
				     "samples: counted for a stack that was lost", count->samples,
				     clock_mono_ns());
	place = &intake->keyed.data[entry].place;
	if (place->quality != PROCESSES_NO_STACK)
		quality_count(&intake->profile->quality, place->quality, count->samples);
	return profile_count(intake->profile, place->task, place->stack, count->samples,
			     count->weight_ns);
}

static int sample_order(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->at_mono_ns > y->at_mono_ns) - (x->at_mono_ns < y->at_mono_ns);
}

/* Events of one instant keep the order in which one CPU wrote them. */
static int event_order(const void *a, const void *b)
{
	const struct process_event *x = a, *y = b;

	if (x->at_mono_ns != y->at_mono_ns)
		return x->at_mono_ns > y->at_mono_ns ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

static void sort_samples(struct batch *batch)
{
	for (size_t i = 1; i < batch->samples.len; i++)
		if (batch->samples.data[i].at_mono_ns < batch->samples.data[i - 1].at_mono_ns) {
			qsort(batch->samples.data, batch->samples.len, sizeof(*batch->samples.data),
			      sample_order);
			return;
		}
}

static int take_losses(struct intake *intake, const struct batch *batch)
{
	int err = 0;

	vec_each(loss, &batch->losses)
		err = err
			      ?: coverage_lose(&intake->profile->coverage, loss->kind, loss->count,
					       clock_mono_ns());
	if (batch->lost_events)
		processes_refresh(intake->processes);
	return err;
}

/* Before each sample, the events that happened before it. */
int intake_take(struct intake *intake, struct batch *batch)
{
	const struct process_event *event, *end;
	int err = take_losses(intake, batch);

	sort_samples(batch);
	if (batch->events.len)
		qsort(batch->events.data, batch->events.len, sizeof(*batch->events.data),
		      event_order);
	event = batch->events.data;
	end = event + batch->events.len;
	vec_each(sample, &batch->samples) {
		for (; !err && event < end && event->at_mono_ns <= sample->at_mono_ns; event++)
			err = processes_apply(intake->processes, event,
					      batch->text.data + event->text);
		err = err ?: take_sample(intake, batch, sample);
		if (err)
			return err;
	}
	for (; !err && event < end; event++)
		err = processes_apply(intake->processes, event, batch->text.data + event->text);
	vec_each(count, &batch->counts)
		err = err ?: take_count(intake, count);
	return err;
}

int intake_drain(struct intake *intake, struct cpu *cpu)
{
	int err;

	batch_clear(&intake->batch);
	err = cpu_drain(cpu, &intake->batch);
	err = err ?: intake_take(intake, &intake->batch);
	processes_sweep(intake->processes, clock_mono_ns());
	return err;
}

/* Says of which processes nothing is known. */
static int lack_mappings(struct intake *intake)
{
	uint64_t ended = processes_ended(intake->processes);
	uint64_t denied = processes_denied(intake->processes);
	char text[128];
	int err = 0;

	if (ended) {
		snprintf(text, sizeof(text),
			 "names of %lu process%s that ended before %s mappings could be read",
			 (unsigned long)ended, ended == 1 ? "" : "es",
			 ended == 1 ? "its" : "their");
		err = coverage_lack(&intake->profile->coverage, text);
	}
	if (!err && denied) {
		snprintf(text, sizeof(text),
			 "names of %lu process%s whose mappings may not be read here",
			 (unsigned long)denied, denied == 1 ? "" : "es");
		err = coverage_lack(&intake->profile->coverage, text);
	}
	return err;
}

int intake_finish(struct intake *intake, struct cpu *cpu)
{
	int err;

	batch_clear(&intake->batch);
	err = cpu_drain(cpu, &intake->batch);
	err = err ?: cpu_drain_counts(cpu, &intake->batch);
	err = err ?: intake_take(intake, &intake->batch);
	return err ?: lack_mappings(intake);
}

void intake_unwind(struct intake *intake, struct unwinder *unwinder)
{
	processes_unwind(intake->processes, unwinder);
}

#define GAPS_TOLD 4u /* sentences about stacks; the rest is in the figures */

static int gap_order(const void *a, const void *b)
{
	const struct quality_gap *x = a, *y = b;

	return x->stacks == y->stacks ? 0 : x->stacks < y->stacks ? 1 : -1;
}

/* What its reader can do about it; "" where it is nothing. */
static const char *remedy(const char *reason)
{
	if (strcmp(reason, "no call frame information") == 0)
		return "; build it with -fasynchronous-unwind-tables or frame pointers";
	if (strcmp(reason, "stack not readable") == 0)
		return "; where it is not in memory, '--unwind deferred' waits for it";
	return "";
}

int intake_report(struct intake *intake)
{
	struct profile *profile = intake->profile;
	struct quality *quality = &profile->quality;
	int err = 0;

	/* No sample comes any more, so the numbers of the gaps may change. */
	if (quality->gaps.len)
		qsort(quality->gaps.data, quality->gaps.len, sizeof(*quality->gaps.data),
		      gap_order);
	for (size_t i = 0; !err && i < quality->gaps.len && i < GAPS_TOLD; i++) {
		const struct quality_gap *gap = &quality->gaps.data[i];
		own(freep) char *text = NULL;

		if (asprintf(&text, "the callers in %lu user stack%s cut in %s: %s%s",
			     (unsigned long)gap->stacks, gap->stacks == 1 ? "" : "s",
			     gap->file ? profile_text(profile, gap->file) : "no known file",
			     gap->reason, remedy(gap->reason)) < 0)
			return -ENOMEM;
		err = coverage_lack(&profile->coverage, text);
	}
	return err;
}
