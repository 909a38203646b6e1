/* SPDX-License-Identifier: MIT */
/* latency_more.h - what slow calls do more than fast ones: stack by stack, how much longer on average.
 *
 *     time of the slow calls of a function on a stack
 *       - that of its fast calls there * its slow calls / its fast calls
 *
 * added up over functions, where that is above 0.  A call inside of another one on the same thread is a part of that
 * one and no call of its own, whatever it is called: so no time counts twice.
 * Stacks of the same functions are one, whatever their addresses.  The last MORE_CALLS_MAX calls are known.
 */
#ifndef SESSION_LATENCY_MORE_H
#define SESSION_LATENCY_MORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "base/vec.h"
#include "model/profile.h"

#define MORE_CALLS_MAX 65536

/* That a thread was in. */
struct more_call {
	uint64_t began_mono_ns, ended_mono_ns;
	const void *function; /* whatever tells one from another */
	uint32_t tid;
	bool is_slow;
};

struct more_calls {
	vec(struct more_call) list;
	uint64_t forgotten; /* for want of room */
};

/** more_add - a call; the older half is forgotten at the ceiling.  0; -ENOMEM */
nodiscard int more_add(struct more_calls *calls, const struct more_call *call);
void more_done(struct more_calls *calls);

/* Times by stacks of the same functions. */
struct more;

/**
 * more_new - only calls that began since an instant count
 * @calls: sorted, and those inside of others taken out; it must outlive what is returned
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int more_new(const struct profile *profile, struct more_calls *calls,
		       uint64_t since_mono_ns, struct more **ret_more);

/** more_count - a moment, if it is one of a call; @began_mono_ns: when it began.  0; -ENOMEM */
nodiscard int more_count(struct more *more, const struct moment *moment, uint64_t began_mono_ns);

/** more_keep - the entries of the profile become what is more.  0; -ENOMEM */
nodiscard int more_keep(const struct more *more, struct profile *profile);
void more_free(struct more *more);
own_define(struct more, more_free)

#endif
