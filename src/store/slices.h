/* SPDX-License-Identifier: MIT */
/* slices.h - the slices of samples in a span of time, and whose samples of them are asked for; for
 * src/store alone.
 */
#ifndef STORE_SLICES_H
#define STORE_SLICES_H

#include "base/error.h"
#include "store/pack.h"
#include "store/profile_read.h"
#include "store/store.h"

struct slice {
	uint64_t from_unix_ns, to_unix_ns;
	uint64_t samples, weight_ns, lost;
	uint32_t rate_hz, cpus;
	uint64_t min_wait_ns; /* of waits */
	const char *mode;     /* borrowed, as `data` */
	const uint8_t *data;
	size_t len;
};

/** slices_wanted - whether a query is for slices of this kind */
bool slices_wanted(const struct profile_query *query, enum store_slice_kind kind);

/**
 * slices_each - every slice of a kind that has a part in the span of a query, in the order of time
 *
 * Return: 0; what @each returned; -ETIME; -errno with fail() said.
 */
nodiscard int slices_each(struct store_reader *reader, const struct profile_query *query,
			  enum store_slice_kind kind,
			  int (*each)(void *context, const struct slice *slice), void *context);

/**
 * slices_incident - the profile of an incident as one slice
 * @each: with what its weights are, and what was not measured, a line each
 *
 * Return: 0; -ENOENT without fail(); what @each returned; -errno with fail() said.
 */
nodiscard int slices_incident(struct store_reader *reader, uint64_t incident,
			      int (*each)(void *context, const struct slice *slice,
					  enum profile_time time, const char *lacks),
			      void *context);

/** slices_read_losses - what was never written of such slices, in the span of a query.  Return: as store_read() */
nodiscard int slices_read_losses(struct store_reader *reader, const struct profile_query *query,
				 uint64_t *ret_lost);

/* The threads that the conditions of a query name. */
struct task_filter {
	bool has_conditions;
	vec(int64_t) wanted; /* in order */
};

nodiscard int task_filter_open(struct store_reader *reader, const struct profile_query *query,
			       struct task_filter *filter);
void task_filter_done(struct task_filter *filter);

bool task_filter_wants(const struct task_filter *filter, int64_t task);

/* What pack_each() calls: two contexts in one. */
struct slice_walk {
	const struct task_filter *filter;
	int (*each)(void *context, const struct pack_entry *entry);
	void *context;
};

static inline bool slice_walk_wants(void *context, int64_t task)
{
	return task_filter_wants(((struct slice_walk *)context)->filter, task);
}

static inline int slice_walk_each(void *context, const struct pack_entry *entry)
{
	struct slice_walk *walk = context;

	return walk->each(walk->context, entry);
}

/** slice_each - the samples of a slice that a filter lets through.  Return: as pack_each(), with fail() said */
nodiscard static inline int slice_each(const struct slice *slice, const struct task_filter *filter,
				       int (*each)(void *context, const struct pack_entry *entry),
				       void *context)
{
	struct slice_walk walk = { filter, each, context };
	int err;

	error_clear();
	err = pack_each(slice->data, slice->len, slice_walk_wants, slice_walk_each, &walk);
	return err == -EUCLEAN && !*error_text()
		       ? fail(err, "the store has a slice of samples that makes no sense")
		       : err;
}

/* A wait that was longer than a slice: the part of it that lies in the span. */
struct slice_wait {
	struct pack_entry entry;
	uint64_t from_unix_ns, to_unix_ns;
};

/** slices_each_wait - those that a filter lets through.  Return: as slices_each() */
nodiscard int slices_each_wait(struct store_reader *reader, const struct profile_query *query,
			       struct task_filter *filter,
			       int (*each)(void *context, const struct slice_wait *wait),
			       void *context);

#endif
