/* SPDX-License-Identifier: MIT */
/* latency_why.h - why calls were slow: what their threads did meanwhile, on which stacks.
 *
 *     cpu, waits --recording--> moments --,
 *     calls above the threshold ----------+--> by thread and time --> parts, stacks, flame graph
 *
 * While a thread is in a call everything that it does belongs to the call, so its waits are those that
 * ended in between.  How long it waited for a CPU the kernel counts; it ran for the rest.
 * Of each function and interval the slowest are found as they come; whatever is explained,
 * the slowest WHY_CALLS_MAX calls are kept, and the last WHY_MOMENTS_MAX moments.
 * Names of stacks are looked for when all is over: while calls come, nobody has the time.
 */
#ifndef SESSION_LATENCY_WHY_H
#define SESSION_LATENCY_WHY_H

#include "session/latency.h"
#include "session/latency_more.h"

#define WHY_CALLS_MAX   1000
#define WHY_UNTOLD_MAX  50 /* at a time, for a sink that wants calls divided while others come */
#define WHY_MOMENTS_MAX (1u << 20)

struct why;

/** why_open - load; of request->pid, request->cgroup, or the whole host.  As recording_open() */
nodiscard int why_open(const struct latency_request *request, struct why **ret_why);
nodiscard int why_start(struct why *why);

/** why_wants - whether calls are explained at all */
static inline bool why_wants(const struct latency_request *request)
{
	return request->slower_ns || request->slowest;
}

/** why_turn - an interval was shown, which ended then: what comes from here on belongs to the next one */
void why_turn(struct why *why, uint64_t at_mono_ns);

/**
 * why_add - a call above the threshold, or any where the slowest of each interval are wanted
 * @slow: with all but its parts
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int why_add(struct why *why, const struct latency_slow *slow);

/** why_add_span - any call, of which the thread is known to have done nothing else meanwhile; kept where
 * request->more_out is set.  0; -ENOMEM
 */
nodiscard int why_add_span(struct why *why, const struct more_call *span);

/**
 * why_drain - several times a second, behind the calls themselves; a sink that has divided() is told of those
 * that ended a moment ago
 *
 * Return: as recording_drain(); what the sink returned.
 */
nodiscard int why_drain(struct why *why, struct latency_target *target);

/**
 * why_finish - end, and explain
 * @coverage: what was lost of samples and waits is added
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int why_finish(struct why *why, struct coverage *coverage);

/** why_write - after why_finish(): to the sink, and the flame graph.  0; -errno with fail() said */
nodiscard int why_write(struct why *why, struct latency_target *target);
void why_close(struct why *why);
own_define(struct why, why_close)

#endif
