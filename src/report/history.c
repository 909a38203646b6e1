/* SPDX-License-Identifier: MIT */
#include "report/history.h"

#include <string.h>

#include "base/clock.h"

#define LEAST_NS \
	(5 * NS_PER_MS) /* of a span: the threads of a moment are not read in one instant */

/* Of one moment: how long all threads were in a part by then. */
static uint64_t sum_of(const struct account_moment *moment, unsigned part)
{
	if (part == PART_RUNNING)
		return moment->running_ns;
	if (part == PART_RUNQ)
		return moment->runq_ns;
	return moment->blocked_ns[part - PART_BLOCKED];
}

static int add_span(struct history *history, const struct account_moment *before,
		    const struct account_moment *after, uint64_t started_ns)
{
	uint64_t length = after->at_mono_ns - before->at_mono_ns;
	struct history_span span = {
		.from_ns = before->at_mono_ns - started_ns,
		.to_ns = after->at_mono_ns - started_ns,
		.rss_bytes = after->rss_bytes,
	};
	double all = 0;

	for (unsigned part = 0; part < PART_COUNT; part++) {
		uint64_t old = sum_of(before, part), new = sum_of(after, part);

		/* What a thread was blocked by may turn out to be something else when it ends. */
		span.threads[part] = new > old ? (double)(new - old) / (double)length : 0;
		all += span.threads[part];
	}
	if (all > history->threads_max)
		history->threads_max = all;
	return vec_push(&history->spans, span);
}

int history_make(const struct account *account, size_t max, struct history *ret_history)
{
	uint64_t started_ns = account->started_mono_ns;
	struct account_moment before = { .at_mono_ns = started_ns };
	struct account_moment end = {
		.at_mono_ns = started_ns + account->wall_ns,
		.running_ns = account->totals.running,
		.runq_ns = account->totals.runq,
	};
	uint64_t least_ns = account->wall_ns / max > LEAST_NS ? account->wall_ns / max : LEAST_NS;
	struct history history = { .threads_max = 0 };
	int err = 0;

	memcpy(end.blocked_ns, account->totals.blocked, sizeof(end.blocked_ns));
	for (size_t i = 0; !err && i < account->moments.len; i++) {
		const struct account_moment *moment = &account->moments.data[i];

		if (moment->at_mono_ns < before.at_mono_ns + least_ns ||
		    moment->at_mono_ns + LEAST_NS > end.at_mono_ns)
			continue;
		err = add_span(&history, &before, moment, started_ns);
		before = *moment;
	}
	end.rss_bytes = before.rss_bytes;
	if (!err && history.spans.len && end.at_mono_ns > before.at_mono_ns)
		err = add_span(&history, &before, &end, started_ns);
	if (err)
		history_done(&history);
	else
		*ret_history = history;
	return err;
}

void history_done(struct history *history)
{
	vec_done(&history->spans);
}
