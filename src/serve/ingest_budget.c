/* SPDX-License-Identifier: MIT */
/* ingest_budget.c - what the recording may cost, and what is lowered where it costs more. */
#include <errno.h>

#include "base/clock.h"
#include "serve/ingest_parts.h"

#define WINDOW_NS     (10 * NS_PER_S) /* of the budget */
#define PATIENCE      3               /* windows above the budget before something is lowered */

#define WAITS_RAISE   4    /* times, each time it is too much */
#define WAITS_MOST_MS 2000 /* beyond it they are not raised */

/* To begin anew takes time itself, so what is far above the budget is lowered at once. */
static bool is_far_above(const struct ingest *ingest)
{
	return ingest->next.cpu_percent > 2 * ingest->config->budget.cpu_percent;
}

/* Waits are many more than samples, so fewer of them come first. */
static int lower_waits(struct ingest *ingest)
{
	ingest->next.min_wait_ms *= is_far_above(ingest) ? WAITS_RAISE * WAITS_RAISE : WAITS_RAISE;
	return host_set_min_wait(ingest->host, ingest->next.min_wait_ms * NS_PER_MS);
}

static int lower_rate(struct ingest *ingest)
{
	ingest->next.rate_hz /= is_far_above(ingest) && ingest->next.rate_hz >= 4 ? 4 : 2;
	return host_set_rate(ingest->host, (uint32_t)ingest->next.rate_hz);
}

static void say_lowered(struct ingest *ingest)
{
	const struct config *config = ingest->config;
	struct ingest_status *status = &ingest->next;
	char rate[64] = "", waits[64] = "";

	if (status->rate_hz != config->profile.rate_hz)
		snprintf(rate, sizeof(rate), "the profile is sampled at %lu Hz instead of %lu",
			 (unsigned long)status->rate_hz, (unsigned long)config->profile.rate_hz);
	if (status->min_wait_ms != config->waits.min_ms)
		snprintf(waits, sizeof(waits), "%swaits are kept from %lu ms on instead of %lu",
			 *rate ? ", " : "", (unsigned long)status->min_wait_ms,
			 (unsigned long)config->waits.min_ms);
	snprintf(status->budget, sizeof(status->budget), "%s%s, to keep to %.1f %% of a processor",
		 rate, waits, config->budget.cpu_percent);
	log_put(ingest->log, "warn", "%s", status->budget);
}

/* Above the budget for some time: less is recorded. */
static int lower(struct ingest *ingest)
{
	struct ingest_status *status = &ingest->next;
	bool has_waits = ingest_is_on(ingest, "waits") && status->min_wait_ms < WAITS_MOST_MS;
	bool has_rate = ingest_is_on(ingest, "profile") && status->rate_hz > 1;
	int err;

	ingest->above = 0;
	if (!has_waits && !has_rate) {
		snprintf(status->budget, sizeof(status->budget),
			 "above the budget of %.1f %%, and nothing is left to lower",
			 ingest->config->budget.cpu_percent);
		return 0;
	}
	err = ingest_end_slice(ingest, true);
	if (!err)
		err = has_waits ? lower_waits(ingest) : lower_rate(ingest);
	ingest->is_new_profile = true;
	ingest_begin_slice(ingest);
	if (!err)
		say_lowered(ingest);
	return err;
}

void ingest_begin_window(struct ingest *ingest)
{
	ingest->window_cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
	ingest->window_began_ns = clock_mono_ns();
}

int ingest_keep_budget(struct ingest *ingest, uint64_t now)
{
	uint64_t cpu;
	int err = 0;

	if (now < ingest->window_began_ns + WINDOW_NS)
		return 0;
	cpu = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
	ingest->next.cpu_percent = 100.0 * (double)(cpu - ingest->window_cpu_ns) /
				   (double)(now - ingest->window_began_ns);
	if (ingest->next.cpu_percent <= ingest->config->budget.cpu_percent)
		ingest->above = 0;
	else if (++ingest->above >= PATIENCE)
		err = lower(ingest);
	ingest_begin_window(ingest); /* what it takes to begin anew is not what recording takes */
	return err;
}
