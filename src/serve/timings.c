/* SPDX-License-Identifier: MIT */
#include "serve/timings.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "session/demand.h"

static const struct measurements_kind kind = { "measurement", timing_run, timing_free };

int timings_new(const struct config *config, const struct log *log, struct timings **ret_timings)
{
	struct timings *timings = calloc(1, sizeof(*timings));

	if (!timings)
		return -ENOMEM;
	measurements_init(&timings->all, &kind, config, log);
	*ret_timings = timings;
	return 0;
}

void timings_free(struct timings *timings)
{
	if (!timings)
		return;
	measurements_done(&timings->all);
	free(timings);
}

static int check(const struct timing_request *request, const struct latency_plan *plan)
{
	int err = 0;

	if (request->pid && !demand_exists(request->pid))
		return fail(-ESRCH, "there is no process %u", request->pid);
	if (plan->functions.len > TIMINGS_FUNCTIONS_MAX) {
		err = fail(-E2BIG, "that is %zu functions, and %d are the most",
			   plan->functions.len, TIMINGS_FUNCTIONS_MAX);
		hint("GET /api/v1/latency/functions lists them");
	}
	return err;
}

int timings_start(struct timings *timings, const struct timing_request *request,
		  struct latency_plan *plan, char *ret_id)
{
	struct timing *timing = NULL;
	int err = check(request, plan);

	err = err ?: timing_new(request, plan, &timing);
	if (err)
		return err;
	err = measurements_start(&timings->all, &timing->one, ret_id);
	if (err)
		timing_free(&timing->one);
	return err;
}

struct timing *timings_borrow(struct timings *timings, const char *id)
{
	return (struct timing *)measurements_borrow(&timings->all, id);
}
