/* SPDX-License-Identifier: MIT */
#include "serve/watched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

struct watched {
	const struct config *config;
	struct timings *timings;
	char id[MEASUREMENT_ID_BYTES], why[256];
	struct latency_figures before; /* when the window began */
	uint64_t began_mono_ns;        /* it; 0: none has */
};

int watched_new(const struct config *config, struct timings *timings, struct watched **ret_watched)
{
	struct watched *watched = calloc(1, sizeof(*watched));

	if (!watched)
		return -ENOMEM;
	watched->config = config;
	watched->timings = timings;
	snprintf(watched->why, sizeof(watched->why), "it has not begun");
	*ret_watched = watched;
	return 0;
}

void watched_free(struct watched *watched)
{
	free(watched);
}

static int begin(struct watched *watched)
{
	const char *function = watched->config->triggers.function;
	own(latency_plan_done) struct latency_plan plan = { 0 };
	struct timing_request request = {
		.max_cost_pct = watched->config->budget.cpu_percent,
		.is_watched = true,
	};
	int err = latency_plan_add(&plan, function);

	if (!err && !plan.functions.len)
		err = fail(-EINVAL, "'%s' cannot be probed%s%s", function,
			   plan.refused.len ? ": " : "",
			   plan.refused.len ? plan.refused.data[0] : "");
	snprintf(request.what, sizeof(request.what), "%s", function);
	return err ?: timings_start(watched->timings, &request, &plan, watched->id);
}

void watched_start(struct watched *watched)
{
	const struct config *config = watched->config;
	int err;

	if (!config->triggers.enabled || !config->triggers.latency.enabled ||
	    !*config->triggers.function)
		return;
	err = begin(watched);
	if (err)
		snprintf(watched->why, sizeof(watched->why), "%s",
			 *error_text() ? error_text() : strerror(-err));
	else
		watched->why[0] = '\0';
	error_clear();
}

/* All functions that the name stands for, together. */
static bool add_up(struct watched *watched, struct latency_figures *figures)
{
	struct timing *timing = timings_borrow(watched->timings, watched->id);
	enum measurement_stage stage;

	if (!timing)
		return false;
	measurements_lock(&watched->timings->all);
	stage = timing->one.stage;
	measurements_unlock(&watched->timings->all);
	timing_lock(timing);
	for (size_t i = 0; i < timing->rows.len; i++)
		latency_add(figures, &timing->rows.data[i]->whole);
	timing_unlock(timing);
	measurements_return(&watched->timings->all, &timing->one);
	return stage < MEASUREMENT_DONE;
}

/* What came between two sums; its greatest value is not known. */
static struct latency_figures difference(const struct latency_figures *after,
					 const struct latency_figures *before)
{
	struct latency_figures figures = { .calls = after->calls - before->calls,
					   .max_ns = after->max_ns };

	for (size_t i = 0; i < CALL_BUCKETS; i++)
		figures.buckets[i] = after->buckets[i] - before->buckets[i];
	return figures;
}

void watched_read(struct watched *watched, uint64_t now_mono_ns, struct watched_window *ret_window)
{
	uint64_t for_ns = watched->config->triggers.latency.for_s * NS_PER_S;
	struct latency_figures now = { 0 }, window;

	*ret_window = (struct watched_window){ .p99_ns = LATENCY_NONE };
	if (!*watched->why && !add_up(watched, &now))
		snprintf(watched->why, sizeof(watched->why),
			 "its measurement has ended: GET /api/v1/latency/%s", watched->id);
	if (*watched->why) {
		ret_window->lacks = watched->why;
		return;
	}
	if (watched->began_mono_ns && now_mono_ns < watched->began_mono_ns + for_ns)
		return;
	if (watched->began_mono_ns) {
		window = difference(&now, &watched->before);
		ret_window->is_over = true;
		ret_window->calls = window.calls;
		ret_window->p99_ns = latency_quantile(&window, 0.99);
	}
	watched->began_mono_ns = now_mono_ns;
	watched->before = now;
}
