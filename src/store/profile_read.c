/* SPDX-License-Identifier: MIT */
#include "store/profile_read.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/profile_parts.h"
#include "store/reader_parts.h"
#include "store/slices.h"
#include "store/stack_sums.h"

struct reading {
	struct store_reader *reader;
	struct profile *profile;
	struct profile_parts parts;
	struct stack_sums sums; /* of everything, but where moments are kept */
	struct task_filter filter;
	uint64_t from_unix_ns; /* of the slice */
	int64_t last_task;     /* of the slice, and how much of its time lies before */
	uint64_t task_ns;
	bool has_any;
	struct profile_span *span; /* of two that are compared; NULL: of one */
	bool is_after;
	const struct profile_query *query;
	enum store_slice_kind kind; /* that is read */
	uint64_t min_wait_ns;       /* the greatest there was */
};

/* When the samples of a slice were taken is not kept: those of a thread are laid one behind the other. */
static int take_moment(void *context, const struct pack_entry *entry)
{
	struct reading *reading = context;
	struct profile *profile = reading->profile;
	struct moment moment = { .weight_ns = entry->weight_ns };
	int err = profile_parts_task(&reading->parts, entry->task, &moment.task);

	err = err ?: profile_parts_stack(&reading->parts, entry->stack, &moment.stack);
	err = err
		      ?: profile_count(profile, moment.task, moment.stack, entry->samples,
				       entry->weight_ns);
	if (err)
		return err;
	if (profile->moments.len == PROFILE_READ_MOMENTS)
		return fail(-E2BIG,
			    "this span has too many samples for a format that shows them in time");
	if (entry->task != reading->last_task)
		reading->task_ns = 0;
	reading->last_task = entry->task;
	reading->task_ns += entry->weight_ns;
	moment.at_mono_ns = reading->from_unix_ns - profile->started_unix_ns + reading->task_ns;
	return vec_push(&profile->moments, moment);
}

static int add_up(void *context, const struct pack_entry *entry)
{
	struct stack_sums *sums = context;

	return stack_sums_add(sums, entry->task, entry->stack, entry->samples, entry->weight_ns);
}

/* Of two that are compared, the time of each. */
static int add_before(void *context, const struct pack_entry *entry)
{
	struct reading *reading = context;

	reading->span->samples += entry->samples;
	reading->span->weight_ns += entry->weight_ns;
	return stack_sums_add(&reading->sums, entry->task, entry->stack, entry->weight_ns, 0);
}

static int add_after(void *context, const struct pack_entry *entry)
{
	struct reading *reading = context;

	reading->span->samples += entry->samples;
	reading->span->weight_ns += entry->weight_ns;
	return stack_sums_add(&reading->sums, entry->task, entry->stack, 0, entry->weight_ns);
}

/* The loop for each has its own copy, as fast as it can be. */
static int take_entries(struct reading *reading, const struct slice *slice)
{
	if (reading->profile->keep_moments)
		return slice_each(slice, &reading->filter, take_moment, reading);
	if (reading->span && reading->is_after)
		return slice_each(slice, &reading->filter, add_after, reading);
	if (reading->span)
		return slice_each(slice, &reading->filter, add_before, reading);
	return slice_each(slice, &reading->filter, add_up, &reading->sums);
}

/* What was added up becomes the entries of the profile. */
static int put_sums(struct reading *reading)
{
	const struct stack_sums *sums = &reading->sums;
	struct profile_parts *parts = &reading->parts;
	size_t stacks = 0;
	int err;

	vec_each(first, &sums->first)
		stacks += *first != 0;
	err = profile_parts_stacks(parts, sums->first.data, sums->first.len, stacks);
	for (size_t i = 0; !err && i < sums->list.len; i++) {
		const struct stack_sum *sum = &sums->list.data[i];
		uint32_t task, stack;

		err = profile_parts_task(parts, sum->task, &task);
		err = err ?: profile_parts_stack(parts, sum->stack, &stack);
		err = err
			      ?: profile_count(reading->profile, task, stack, sum->samples,
					       sum->weight_ns);
	}
	return err;
}

static int lose(struct reading *reading, uint64_t count)
{
	return coverage_lose(&reading->profile->coverage,
			     reading->kind == STORE_WAITS
				     ? "waits: lost while they were recorded"
				     : "samples: lost while they were recorded",
			     count, 0);
}

static int take_wait(void *context, const struct slice_wait *wait)
{
	struct reading *reading = context;

	reading->from_unix_ns = wait->from_unix_ns;
	reading->last_task = 0;
	if (reading->profile->keep_moments)
		return take_moment(reading, &wait->entry);
	if (reading->span)
		return reading->is_after ? add_after(reading, &wait->entry)
					 : add_before(reading, &wait->entry);
	return add_up(&reading->sums, &wait->entry);
}

static int take_slice(void *context, const struct slice *slice)
{
	struct reading *reading = context;
	struct profile *profile = reading->profile;
	int err;

	reading->from_unix_ns = slice->from_unix_ns;
	if (slice->min_wait_ns > reading->min_wait_ns)
		reading->min_wait_ns = slice->min_wait_ns;
	/* Slices of waits lie beside those of samples: what is said once is said of those. */
	if (reading->kind == STORE_WAITS && reading->query->time == PROFILE_LIVING &&
	    reading->has_any) {
		if (reading->span)
			reading->span->lost += slice->lost;
		return lose(reading, slice->lost) ?: take_entries(reading, slice);
	}
	if (reading->span) {
		reading->span->lost += slice->lost;
		reading->span->covered_ns += slice->to_unix_ns - slice->from_unix_ns;
	}
	if (!reading->has_any)
		profile->started_unix_ns = slice->from_unix_ns;
	reading->has_any = true;
	reading->last_task = 0;
	profile->duration_ns = slice->to_unix_ns - profile->started_unix_ns;
	profile->rate_hz = slice->rate_hz;
	profile->cpus = slice->cpus;
	err = lose(reading, slice->lost);
	if (!err && *slice->mode && !profile->coverage.mode)
		err = coverage_set_mode(&profile->coverage, slice->mode);
	return err ?: take_entries(reading, slice);
}

static int take_incident(void *context, const struct slice *slice, enum profile_time time,
			 const char *lacks)
{
	struct reading *reading = context;
	own(freep) char *copy = strdup(lacks);
	char *rest = copy;
	int err = copy ? take_slice(reading, slice) : -ENOMEM;

	reading->profile->time = time;
	for (char *line; !err && *lacks && (line = strsep(&rest, "\n")) != NULL;)
		err = coverage_lack(&reading->profile->coverage, line);
	return err;
}

static int find_span(void *context, const struct slice *slice, enum profile_time time,
		     const char *lacks)
{
	struct profile_query *query = context;

	(void)lacks;
	query->start_unix_ns = slice->from_unix_ns;
	query->end_unix_ns = slice->to_unix_ns;
	query->time = time;
	return 0;
}

int profile_find_incident(struct store_reader *reader, uint64_t incident,
			  struct profile_query *query)
{
	int err = slices_incident(reader, incident, find_span, query);

	query->incident = incident;
	if (err == -ENOENT) {
		err = fail(-ENOENT, "there is no profile of an incident %lu",
			   (unsigned long)incident);
		hint("/api/v1/incidents lists those that are kept, and tells why one has no profile");
	}
	return err;
}

/* All that a query asks for. */
static int read_slices(struct reading *reading, const struct profile_query *query)
{
	int err = 0;

	reading->query = query;
	if (query->incident)
		return slices_incident(reading->reader, query->incident, take_incident, reading);
	for (int kind = STORE_SAMPLES; !err && kind <= STORE_WAITS; kind++) {
		reading->kind = (enum store_slice_kind)kind;
		if (slices_wanted(query, reading->kind))
			err = slices_each(reading->reader, query, reading->kind, take_slice,
					  reading);
	}
	return err
		       ?: slices_each_wait(reading->reader, query, &reading->filter, take_wait,
					   reading);
}

static void reading_done(struct reading *reading)
{
	profile_parts_done(&reading->parts);
	stack_sums_done(&reading->sums);
	task_filter_done(&reading->filter);
}

/* What a reader of waits must know. */
static int cover_waits(const struct reading *reading)
{
	struct coverage *coverage = &reading->profile->coverage;
	char text[96];
	int err = 0;

	if (!slices_wanted(reading->query, STORE_WAITS))
		return 0;
	if (reading->min_wait_ns) {
		snprintf(text, sizeof(text), "waits that were shorter than %lu ms",
			 (unsigned long)(reading->min_wait_ns / NS_PER_MS));
		err = coverage_lack(coverage, text);
	}
	err = err ?: coverage_lack(coverage, "waits that have not ended");
	return err ?: coverage_lack(coverage, "waits for a CPU: 'runq' has them");
}

static int cover(struct profile *profile)
{
	int err = profile->coverage.mode
			  ? 0
			  : coverage_set_mode(&profile->coverage, "no sample in this time");

	return err
		       ?: coverage_lack(
				  &profile->coverage,
				  "when each sample was taken within its slice of time, and the CPU");
}

int profile_read(struct store_reader *reader, const struct profile_query *query, bool keep_moments,
		 struct profile **ret_profile)
{
	struct reading reading = { .reader = reader };
	uint64_t lost = 0;
	int err = profile_new(&reading.profile);

	if (err)
		return err;
	reading.profile->keep_moments = keep_moments;
	reading.profile->time = query->time;
	reader_begin(reader, PROFILE_READ_NS);
	err = profile_parts_open(&reading.parts, reader, reading.profile);
	err = err ?: task_filter_open(reader, query, &reading.filter);
	err = err ?: read_slices(&reading, query);
	err = err ?: put_sums(&reading);
	err = err ?: slices_read_losses(reader, query, &lost);
	reading.profile->coverage.is_unsure = lost == STORE_LOST_UNKNOWN;
	if (!err && lost == STORE_LOST_UNKNOWN)
		err = coverage_lack(&reading.profile->coverage, PROFILE_READ_GAP);
	else if (!err)
		err = coverage_lose(&reading.profile->coverage, "samples: not written to the store",
				    lost, 0);
	reading_done(&reading);
	reader_end(reader);
	err = err ?: cover(reading.profile);
	err = err ?: cover_waits(&reading);
	if (err)
		profile_free(reading.profile);
	else
		*ret_profile = reading.profile;
	return err;
}

int profile_read_pair(struct store_reader *reader, const struct profile_query queries[2],
		      struct profile_span ret_spans[2], struct profile **ret_profile)
{
	struct reading reading = { .reader = reader };
	int err = profile_new(&reading.profile);

	if (err)
		return err;
	reader_begin(reader, PROFILE_READ_NS);
	err = profile_parts_open(&reading.parts, reader, reading.profile);
	for (int i = 0; !err && i < 2; i++) {
		uint64_t lost = 0;

		reading.span = &ret_spans[i];
		reading.is_after = i == 1;
		task_filter_done(&reading.filter);
		err = task_filter_open(reader, &queries[i], &reading.filter);
		err = err ?: read_slices(&reading, &queries[i]);
		err = err ?: slices_read_losses(reader, &queries[i], &lost);
		ret_spans[i].lost = store_lost_add(ret_spans[i].lost, lost);
	}
	err = err ?: put_sums(&reading);
	reading_done(&reading);
	reader_end(reader);
	if (err)
		profile_free(reading.profile);
	else
		*ret_profile = reading.profile;
	return err;
}
