/* SPDX-License-Identifier: MIT */
/* profile_read.h - the samples of a span of time as a profile again, as the formats want it.
 *
 * A frame has its names and the file it lies in, and no address: stacks are kept by function.  Everything
 * is added up: there are no single samples.
 */
#ifndef STORE_PROFILE_READ_H
#define STORE_PROFILE_READ_H

#include "model/profile.h"
#include "store/reader.h"

#define PROFILE_READ_PIDS    64
#define PROFILE_READ_MOMENTS (4u << 20)
#define PROFILE_READ_NS      10000000000ull /* of CPU time that it may take */

/* Of waits: one belongs to the slice in which it ended; one that is longer than a slice to its
 * own span of time.  Those that last, and those that are shorter than the threshold, are not there.
 */
struct profile_query {
	enum profile_time time;
	uint64_t start_unix_ns, end_unix_ns; /* half open, by the end of a slice; end 0: any */
	uint32_t pids[PROFILE_READ_PIDS];
	size_t pid_count;      /* 0: all */
	const char *comm;      /* of the thread or the process; NULL: any */
	const char *container; /* its processes; the beginning of its id is enough; NULL: any */
	uint64_t incident; /* its profile instead of a span; 0: a span.  profile_find_incident() */
};

/**
 * profile_find_incident - ask for the profile of an incident, by the seq of its beginning
 * @query: its time, span and incident are set; conditions stay
 *
 * Return: 0; -ENOENT it has none, or there is no such incident, with fail() said; -errno.
 */
nodiscard int profile_find_incident(struct store_reader *reader, uint64_t incident,
				    struct profile_query *query);

/**
 * profile_read - add up what was sampled
 * @keep_moments: also one moment for each thread, stack and slice, within the slice
 *
 * Return: 0; -ETIME PROFILE_READ_NS passed; -E2BIG more than PROFILE_READ_MOMENTS; -errno with
 * fail() said.
 */
nodiscard int profile_read(struct store_reader *reader, const struct profile_query *query,
			   bool keep_moments, struct profile **ret_profile);

/* In `not_measured` of a profile in whose span lies a gap, of which nobody knows what was lost. */
#define PROFILE_READ_GAP "what was lost when a kymo ended without closing its store"

struct profile_span {
	uint64_t samples, weight_ns;
	uint64_t lost;       /* or STORE_LOST_UNKNOWN */
	uint64_t covered_ns; /* for so long there were samples */
};

/**
 * profile_read_pair - two queries as one profile, to be compared
 * @queries, @ret_spans: before and after
 *
 * In its entries `samples` are the nanoseconds before, and `weight_ns` those after.
 * Return: as profile_read().
 */
nodiscard int profile_read_pair(struct store_reader *reader, const struct profile_query queries[2],
				struct profile_span ret_spans[2], struct profile **ret_profile);

#endif
