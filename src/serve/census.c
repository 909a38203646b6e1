/* SPDX-License-Identifier: MIT */
#include "serve/census.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "session/living.h"

void census_init(struct census *census)
{
	*census = (struct census){
		.works = living_works(),
		.due_ns = clock_mono_ns() + CENSUS_NS,
	};
}

void census_done(struct census *census)
{
	vec_done(&census->before);
	vec_done(&census->now);
}

/* What the last round knew of it; both go by PID. */
static struct census_one recall(struct census *census, const struct store_life *life)
{
	const struct census_one *before = census->before.data;

	while (census->at < census->before.len && before[census->at].pid < life->pid)
		census->at++;
	if (census->at < census->before.len && before[census->at].seq == life->seq)
		return before[census->at];
	return (struct census_one){ .seq = life->seq, .pid = life->pid };
}

static int look_at(struct census *census, struct store *store, const struct store_life *life)
{
	struct census_one one = recall(census, life);
	bool was_gone = one.is_gone;
	int alive = living_look(life->pid, &one.ticks);
	int err;

	one.is_gone = alive < 1;
	if (!one.is_gone)
		one.seen_unix_ns = clock_unix_ns();
	if (one.is_gone && was_gone) {
		err = store_end_life(store, life->seq, one.seen_unix_ns);
		census->ends += !err;
		return err;
	}
	census->has_gone |= one.is_gone;
	return census->now.len < CENSUS_MAX ? vec_push(&census->now, one) : 0;
}

static void begin_round(struct census *census, uint64_t lost)
{
	census->is_going = true;
	census->has_gone = false;
	census->after_pid = 0;
	census->at = 0;
	census->lost = lost;
	census->now.len = 0;
}

static void end_round(struct census *census)
{
	__typeof__(census->before) before = census->before;

	census->before = (__typeof__(before)){ census->now.data, census->now.len, census->now.cap };
	census->now.data = before.data;
	census->now.len = 0;
	census->now.cap = before.cap;
	census->is_going = false;
	census->ended_ns = clock_mono_ns();
	census->due_ns = census->ended_ns + (census->has_gone ? CENSUS_SOON_NS : CENSUS_NS);
}

/* Something may be missing: that is no reason to do nothing else. */
static void hurry(struct census *census, uint64_t now)
{
	uint64_t due = now + CENSUS_SOON_NS;

	if (census->ended_ns && due < census->ended_ns + CENSUS_REST_NS)
		due = census->ended_ns + CENSUS_REST_NS;
	if (due < census->due_ns)
		census->due_ns = due;
}

int census_turn(struct census *census, struct store *store, uint64_t lost)
{
	struct store_life lives[CENSUS_SLICE];
	uint64_t now = clock_mono_ns();
	size_t count;
	int err = 0;

	if (!census->works)
		return 0;
	if (!census->is_going && lost != census->lost)
		hurry(census, now);
	if (!census->is_going && now < census->due_ns)
		return 0;
	if (!census->is_going)
		begin_round(census, lost);
	if (store_lives(store, census->after_pid, lives, CENSUS_SLICE, &count)) {
		error_clear(); /* a store that cannot be read says so elsewhere */
		count = 0;
	}
	for (size_t i = 0; !err && i < count; i++) {
		err = look_at(census, store, &lives[i]);
		census->after_pid = lives[i].pid;
	}
	if (!err && count < CENSUS_SLICE)
		end_round(census);
	return err;
}
