/* SPDX-License-Identifier: MIT */
#include "session/latency_why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/vec.h"
#include "collect/descendants.h"
#include "session/recording.h"

#define RATE_HZ      199  /* of samples of what runs */
#define MIN_BLOCK_NS 1000 /* of a wait that is told by itself */
#define WHY_TURNS_KEPT \
	64u /* ends of intervals: a call that is told later than that counts to the oldest */
#define STACKS_MAX 256 /* distinct ones of a call that are looked at */
#define SETTLE_NS  (2 * LATENCY_DRAIN_MS * NS_PER_MS) /* until all that a call did has come */

/* The slowest calls of a function in the interval that it is at. */
struct top {
	const struct latency_function *function;
	uint64_t interval; /* 0: none yet */
	uint64_t least_ns; /* of those that are kept; 0: not looked for yet */
	uint32_t count;
};

struct why {
	const struct latency_request *request;
	struct recording_request recording_request;
	struct recording *recording;
	vec(uint32_t) pids; /* chosen: as the probes follow them */
	vec(struct latency_slow) calls;
	vec(struct top) tops; /* where the slowest of each interval are wanted */
	struct index top_index;
	uint64_t turned_ns[WHY_TURNS_KEPT]; /* when the last intervals ended */
	uint64_t turns;                     /* how many have */
	struct more_calls spans;            /* of all calls, where the difference is wanted */
	vec(struct latency_slow) untold; /* of which the sink wants to know how they are divided */
	size_t sorted;                   /* moments that are in the order of time */
	uint64_t total;                  /* above the threshold */
	uint64_t dropped;                /* moments for which there was no room */
	uint64_t dropped_until_ns;
};

static int add_pid(void *context, uint32_t pid)
{
	struct why *why = context;

	return vec_push(&why->pids, pid);
}

/* Requests are those of a process and of all that it has made, calls those of the process. */
static int choose(struct why *why)
{
	const struct latency_request *request = why->request;

	if (!request->pid)
		return 0;
	return request->target.is_http ? descendants_each(request->pid, add_pid, why)
				       : vec_push(&why->pids, request->pid);
}

int why_open(const struct latency_request *request, struct why **ret_why)
{
	own(why_closep) struct why *why = calloc(1, sizeof(*why));
	int err;

	if (!why)
		return -ENOMEM;
	why->request = request;
	err = choose(why);
	if (err)
		return err;
	why->recording_request = (struct recording_request){
		.cpu = {
			.kind = request->pid      ? TARGET_PROCESS
				: request->cgroup ? TARGET_CGROUP
						  : TARGET_HOST,
			.ids = why->pids.data,
			.id_count = why->pids.len,
			.cgroup = request->cgroup,
			.rate_hz = RATE_HZ,
			.time = CPU_TIME_WALL,
			.min_block_ns = MIN_BLOCK_NS,
			.want_user = true,
			.want_kernel = true,
			.every_sample = true,
		},
		.keep_moments = true,
	};
	err = recording_open(&why->recording_request, &why->recording);
	if (err)
		return err;
	*ret_why = take(why);
	return 0;
}

int why_start(struct why *why)
{
	return recording_start(why->recording);
}

/* Room is made by forgetting the fastest. */
static int keep(struct why *why, const struct latency_slow *slow)
{
	size_t least = 0;

	if (why->calls.len < WHY_CALLS_MAX)
		return vec_push(&why->calls, *slow);
	for (size_t i = 1; i < why->calls.len; i++)
		if (why->calls.data[i].call.took_ns < why->calls.data[least].call.took_ns)
			least = i;
	if (slow->call.took_ns > why->calls.data[least].call.took_ns)
		why->calls.data[least] = *slow;
	return 0;
}

static bool is_top(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct why *)owner)->tops.data[entry].function == key;
}

/* The least of the slowest of a function in an interval; NULL: none was kept */
static struct latency_slow *least_of(const struct why *why, const struct top *top)
{
	struct latency_slow *least = NULL;

	vec_each(one, &why->calls)
		if (one->call.function == top->function && one->interval == top->interval &&
		    (!least || one->call.took_ns < least->call.took_ns))
			least = one;
	return least;
}

/* Calls come out of order, so an interval may come again: what was kept of it is looked for. */
static void count_top(const struct why *why, const struct latency_slow *slow, struct top *top)
{
	*top = (struct top){ .function = slow->call.function, .interval = slow->interval };
	vec_each(one, &why->calls)
		top->count += one->call.function == top->function && one->interval == top->interval;
	if (top->count >= why->request->slowest)
		top->least_ns = least_of(why, top)->call.took_ns;
}

/* What is known of a function, of the interval of a call. */
static int find_top(struct why *why, const struct latency_slow *slow, struct top **ret_top)
{
	uint64_t hash = hash_mix(1, (uintptr_t)slow->call.function);
	uint32_t number = index_find(&why->top_index, hash, is_top, why, slow->call.function);
	int err = 0;

	if (number == INDEX_NONE) {
		number = (uint32_t)why->tops.len;
		err = vec_push(&why->tops, (struct top){ .function = slow->call.function });
		err = err ?: index_add(&why->top_index, hash, number);
	}
	if (err)
		return err;
	*ret_top = &why->tops.data[number];
	if ((*ret_top)->interval != slow->interval)
		count_top(why, slow, *ret_top);
	return 0;
}

/* Most calls are no slower than what is kept of their interval: those cost a look. */
static int keep_slowest(struct why *why, const struct latency_slow *slow)
{
	struct latency_slow *least;
	struct top *top;
	int err = find_top(why, slow, &top);

	if (err)
		return err;
	if (top->count < why->request->slowest) {
		top->count++;
		top->least_ns = 0;
		return keep(why, slow);
	}
	if (slow->call.took_ns <= top->least_ns)
		return 0;
	least = least_of(why, top);
	if (!least)
		return 0;
	if (slow->call.took_ns > least->call.took_ns)
		*least = *slow;
	least = least_of(why, top);
	top->least_ns = least->call.took_ns;
	return 0;
}

/* Of requests figures are counted when they are told: that is the interval that is under way.  Those of calls
 * are counted where they end, and they are told a little later.
 */
static uint64_t interval_of(const struct why *why, const struct latency_slow *slow)
{
	uint64_t oldest = why->turns > WHY_TURNS_KEPT ? why->turns - WHY_TURNS_KEPT : 0;
	uint64_t turn = why->turns;

	while (!slow->call.http && turn > oldest &&
	       slow->call.at_mono_ns < why->turned_ns[(turn - 1) % WHY_TURNS_KEPT])
		turn--;
	return turn + 1;
}

static void drop_untold(struct why *why, size_t count)
{
	why->untold.len -= count;
	memmove(why->untold.data, why->untold.data + count,
		why->untold.len * sizeof(*why->untold.data));
}

/* They are told once they are old enough: of many the later ones are left out, or none would ever be. */
static int keep_untold(struct why *why, const struct latency_slow *slow)
{
	if (!why->request->sink->divided || slow->not_divided || why->untold.len == WHY_UNTOLD_MAX)
		return 0;
	return vec_push(&why->untold, *slow);
}

int why_add(struct why *why, const struct latency_slow *slow)
{
	struct latency_slow one = *slow;
	int err = keep_untold(why, slow);

	why->total++;
	if (err || !why->request->slowest)
		return err ?: keep(why, slow);
	one.interval = interval_of(why, slow);
	return keep_slowest(why, &one);
}

void why_turn(struct why *why, uint64_t at_mono_ns)
{
	why->turned_ns[why->turns++ % WHY_TURNS_KEPT] = at_mono_ns;
}

int why_add_span(struct why *why, const struct more_call *span)
{
	return why->request->more_out ? more_add(&why->spans, span) : 0;
}

/* The older half leaves. */
static void forget(struct why *why, struct profile *profile)
{
	size_t gone = profile->moments.len / 2;

	why->dropped += gone;
	why->dropped_until_ns = profile->moments.data[gone - 1].at_mono_ns;
	profile->moments.len -= gone;
	why->sorted -= why->sorted < gone ? why->sorted : gone;
	memmove(profile->moments.data, profile->moments.data + gone,
		profile->moments.len * sizeof(*profile->moments.data));
}

static int by_time(const void *a, const void *b)
{
	const struct moment *one = a, *other = b;

	return one->at_mono_ns < other->at_mono_ns ? -1 : one->at_mono_ns > other->at_mono_ns;
}

static int by_length(const void *a, const void *b)
{
	const struct latency_slow *one = a, *other = b;

	return one->call.took_ns > other->call.took_ns   ? -1
	       : one->call.took_ns < other->call.took_ns ? 1
							 : 0;
}

static int by_ns(const void *a, const void *b)
{
	const struct latency_stack *one = a, *other = b;

	return one->ns > other->ns ? -1 : one->ns < other->ns;
}

/* Number of the first moment of so many that ended after an instant. */
static size_t first_after(const struct profile *profile, size_t count, uint64_t at)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (profile->moments.data[middle].at_mono_ns > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Moments come nearly in the order of time, so those that came since the last time are put among few. */
static void sort_moments(struct why *why, struct profile *profile)
{
	uint64_t least = UINT64_MAX;
	size_t from;

	for (size_t i = why->sorted; i < profile->moments.len; i++)
		if (profile->moments.data[i].at_mono_ns < least)
			least = profile->moments.data[i].at_mono_ns;
	from = first_after(profile, why->sorted, least);
	if (from < profile->moments.len)
		qsort(profile->moments.data + from, profile->moments.len - from,
		      sizeof(struct moment), by_time);
	why->sorted = profile->moments.len;
}

struct stacks {
	struct latency_stack data[STACKS_MAX];
	size_t len;
};

static void add_stack(struct stacks *stacks, const struct moment *moment)
{
	for (size_t i = 0; i < stacks->len; i++) {
		struct latency_stack *one = &stacks->data[i];

		if (one->stack == moment->stack && one->reason == moment->reason) {
			one->ns += moment->weight_ns;
			return;
		}
	}
	if (stacks->len < STACKS_MAX)
		stacks->data[stacks->len++] =
			(struct latency_stack){ moment->stack, moment->reason, moment->weight_ns };
}

/* When a moment began: a wait lasts, a sample is of an instant. */
static uint64_t began_at(const struct moment *moment)
{
	return moment->reason == BLOCK_NONE ? moment->at_mono_ns
					    : moment->at_mono_ns - moment->weight_ns;
}

/* Of a moment that ends in the call: whether it is a sample, or a wait that is told by itself and began in the
 * call.  One whose end was not seen ends where that is found out.
 */
static bool is_part(const struct profile *profile, const struct latency_slow *slow,
		    const struct moment *moment)
{
	return moment->reason <= BLOCK_UNSEEN && began_at(moment) >= slow->began_mono_ns &&
	       profile->tasks.data[moment->task].tid == slow->call.tid;
}

static void explain(const struct why *why, const struct profile *profile, struct latency_slow *slow)
{
	uint64_t length = slow->ended_mono_ns - slow->began_mono_ns, known = slow->runq_ns;
	struct stacks stacks = { .len = 0 };

	if (!slow->not_divided && slow->began_mono_ns < why->dropped_until_ns)
		slow->not_divided = "there was no room to keep what its thread did";
	if (slow->not_divided)
		return;
	for (size_t i = first_after(profile, profile->moments.len, slow->began_mono_ns);
	     i < profile->moments.len; i++) {
		const struct moment *moment = &profile->moments.data[i];

		if (moment->at_mono_ns > slow->ended_mono_ns)
			break;
		if (!is_part(profile, slow, moment))
			continue;
		add_stack(&stacks, moment);
		if (moment->reason == BLOCK_NONE)
			continue;
		slow->blocked_ns[moment->reason] += moment->weight_ns;
		known += moment->weight_ns;
	}
	slow->running_ns = length > known ? length - known : 0;
	slow->is_divided = true;
	qsort(stacks.data, stacks.len, sizeof(stacks.data[0]), by_ns);
	slow->stack_count = stacks.len < LATENCY_STACKS ? stacks.len : LATENCY_STACKS;
	memcpy(slow->stacks, stacks.data, slow->stack_count * sizeof(stacks.data[0]));
}

/* Those of which all that their thread did has come: what does comes before the call ends, but for user stacks
 * that a thread brings when it returns.
 */
static int tell(struct why *why, struct profile *profile, struct latency_target *target)
{
	uint64_t until = clock_mono_ns() - SETTLE_NS;
	size_t told = 0;
	int err = 0;

	if (!why->untold.len || why->untold.data[0].ended_mono_ns > until)
		return 0;
	sort_moments(why, profile);
	for (; !err && told < why->untold.len; told++) {
		struct latency_slow *slow = &why->untold.data[told];

		if (slow->ended_mono_ns > until)
			break;
		explain(why, profile, slow);
		if (slow->is_divided)
			err = why->request->sink->divided(target, slow);
	}
	drop_untold(why, told);
	return err;
}

int why_drain(struct why *why, struct latency_target *target)
{
	struct profile *profile = recording_profile(why->recording);
	int err = recording_drain(why->recording);

	if (!err && profile->moments.len > WHY_MOMENTS_MAX)
		forget(why, profile);
	return err ?: tell(why, profile, target);
}

/* A moment of calls inside of each other counts once. */
static bool is_slow(const struct why *why, const struct profile *profile,
		    const struct moment *moment)
{
	vec_each(slow, &why->calls)
		if (moment->at_mono_ns > slow->began_mono_ns &&
		    moment->at_mono_ns <= slow->ended_mono_ns && !slow->not_divided &&
		    is_part(profile, slow, moment))
			return true;
	return false;
}

/* The profile becomes that of the slow calls alone. */
static int keep_slow_only(const struct why *why, struct profile *profile)
{
	int err = 0;

	profile->entries.len = 0;
	index_clear(&profile->entry_index);
	profile->samples = profile->weight_ns = 0;
	for (size_t i = 0; !err && i < profile->moments.len; i++) {
		const struct moment *moment = &profile->moments.data[i];

		if (is_slow(why, profile, moment))
			err = profile_count(profile, moment->task, moment->stack, 1,
					    moment->weight_ns);
	}
	return err;
}

/* The profile becomes what the slow calls do more than the fast ones. */
static int keep_more_only(struct why *why, struct profile *profile)
{
	own(more_freep) struct more *more = NULL;
	int err = more_new(profile, &why->spans, why->dropped_until_ns, &more);

	for (size_t i = 0; !err && i < profile->moments.len; i++) {
		const struct moment *moment = &profile->moments.data[i];

		if (moment->reason <= BLOCK_UNSEEN)
			err = more_count(more, moment, began_at(moment));
	}
	return err ?: more_keep(more, profile);
}

static int write_flame(const struct why *why, const struct profile *profile, const char *title,
		       FILE *out)
{
	const struct sink *sink = why->request->flame;
	struct sink_target target = {
		.profile = profile,
		.out = out,
		.options = { .title = title },
	};
	int err = 0;

	if (sink->begin)
		err = sink->begin(&target);
	return err ?: sink->end(&target);
}

static int copy_losses(const struct why *why, const struct profile *profile,
		       struct coverage *coverage)
{
	int err = coverage_lose(coverage, "samples and waits: no room to keep them", why->dropped,
				clock_mono_ns());

	err = err
		      ?: coverage_lose(coverage, "calls: no room to keep them for --flame-more",
				       why->spans.forgotten, clock_mono_ns());
	vec_each(loss, &profile->coverage.lost)
		err = err ?: coverage_lose(coverage, loss->kind, loss->count, loss->last_mono_ns);
	return err;
}

int why_finish(struct why *why, struct coverage *coverage)
{
	struct profile *profile = recording_profile(why->recording);
	int err;

	recording_stop(why->recording);
	err = recording_finish(why->recording);
	err = err ?: recording_name(why->recording);
	err = err ?: recording_report(why->recording);
	err = err ?: copy_losses(why, profile, coverage);
	if (err)
		return err;
	sort_moments(why, profile);
	vec_each(slow, &why->calls)
		explain(why, profile, slow);
	if (why->calls.len)
		qsort(why->calls.data, why->calls.len, sizeof(struct latency_slow), by_length);
	return 0;
}

/* Last of all: who asked for the profile owns it. */
static int hand_over(struct why *why, struct profile *profile)
{
	int err;

	if (!why->request->ret_slow)
		return 0;
	err = keep_slow_only(why, profile);
	if (err)
		return err;
	vec_done(&profile->moments);
	profile->keep_moments = false;
	*why->request->ret_slow = recording_take(why->recording);
	return 0;
}

int why_write(struct why *why, struct latency_target *target)
{
	struct profile *profile = recording_profile(why->recording);
	struct latency_why words = {
		.calls = why->calls.data,
		.count = why->calls.len,
		.total = why->total,
		.slower_ns = why->request->slower_ns,
		.slowest = why->request->slowest,
		.profile = profile,
	};
	int err = 0;

	vec_each(slow, &why->calls)
		latency_slow_own(slow);
	if (why->request->sink->why)
		err = why->request->sink->why(target, &words);
	if (!err && why->request->flame_out) {
		err = keep_slow_only(why, profile);
		err = err ?: write_flame(why, profile, "slow calls", why->request->flame_out);
	}
	if (!err && why->request->more_out) {
		err = keep_more_only(why, profile);
		err = err
			      ?: write_flame(why, profile,
					     "what slow calls do more than fast ones, on average",
					     why->request->more_out);
	}
	return err ?: hand_over(why, profile);
}

void why_close(struct why *why)
{
	if (!why)
		return;
	recording_free(why->recording);
	vec_done(&why->pids);
	vec_done(&why->calls);
	vec_done(&why->untold);
	vec_done(&why->tops);
	index_done(&why->top_index);
	more_done(&why->spans);
	free(why);
}
