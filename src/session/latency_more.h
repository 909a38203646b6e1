/* SPDX-License-Identifier: MIT */
/* latency_more.h - what slow calls do more than fast ones: stack by stack, how much longer on average.
 *
 *     time of all slow calls on a stack - that of the fast ones there * slow calls / fast calls
 *
 * where that is above 0.  Stacks of the same functions are one, whatever their addresses.
 * Of fast calls the last MORE_FAST_MAX are known.
 */
#ifndef SESSION_LATENCY_MORE_H
#define SESSION_LATENCY_MORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "base/vec.h"
#include "model/profile.h"

#define MORE_FAST_MAX 65536

/* A call that was not slow. */
struct more_call {
	uint64_t began_mono_ns, ended_mono_ns;
	uint32_t tid;
};

struct more_calls {
	vec(struct more_call) list;
	bool is_sorted;
};

/** more_add - a fast call; the older half is forgotten at the ceiling.  0; -ENOMEM */
nodiscard int more_add(struct more_calls *fast, const struct more_call *call);

/**
 * more_find - whether a thread was in one fast call from one instant to another
 *
 * Any order of asking, no more_add() afterwards.
 */
bool more_find(struct more_calls *fast, uint32_t tid, uint64_t from_mono_ns, uint64_t to_mono_ns);
void more_done(struct more_calls *fast);

/* Times by stacks of the same functions. */
struct more;

nodiscard int more_new(const struct profile *profile, struct more **ret_more);

/** more_count - a moment of a slow or of a fast call.  0; -ENOMEM */
nodiscard int more_count(struct more *more, const struct moment *moment, bool is_slow);

/** more_keep - the entries of the profile become what is more.  0; -ENOMEM */
nodiscard int more_keep(struct more *more, struct profile *profile, uint64_t slow_calls,
			uint64_t fast_calls);
void more_free(struct more *more);
own_define(struct more, more_free)

#endif
