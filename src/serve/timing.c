/* SPDX-License-Identifier: MIT */
#include "serve/timing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "session/demand.h"

static struct timing *timing_of(struct measurement *one)
{
	return (struct timing *)one;
}

void timing_lock(struct timing *timing)
{
	pthread_mutex_lock(&timing->lock);
}

void timing_unlock(struct timing *timing)
{
	pthread_mutex_unlock(&timing->lock);
}

struct latency_row timing_row_of(const struct timing *timing, size_t number)
{
	const struct timing_row *row = timing->rows.data[number];

	return (struct latency_row){ &row->function, &row->whole,
				     timing->request.is_http ? &row->http : NULL };
}

/* The row of a function, or a new one.  NULL: there is no room, or no memory. */
static struct timing_row *row_for(struct timing *timing, const struct latency_function *function)
{
	struct timing_row *row;

	vec_each(one, &timing->rows)
		if ((*one)->of == function)
			return *one;
	if (timing->rows.len >= TIMING_ROWS_MAX)
		return NULL;
	row = calloc(1, sizeof(*row));
	if (!row || vec_push(&timing->rows, row)) {
		free(row);
		return NULL;
	}
	row->of = function;
	row->function = *function;
	if (timing->request.is_http) {
		snprintf(row->name, sizeof(row->name), "%s", function->name);
		row->function.name = row->name;
	}
	return row;
}

static void add_http(struct latency_http *http, const struct latency_http *more)
{
	for (size_t i = 0; i < LATENCY_STATUSES; i++)
		http->statuses[i] += more->statuses[i];
	http->in_bytes += more->in_bytes;
	http->out_bytes += more->out_bytes;
	latency_add(&http->queue, &more->queue);
	latency_add(&http->service, &more->service);
	http->port = more->port;
	http->way = more->way;
	http->cpu_ns += more->cpu_ns;
	http->cpu_samples += more->cpu_samples;
	for (size_t i = 0; i < HTTP_CPU_STATES; i++)
		http->cpu_requests[i] += more->cpu_requests[i];
}

static void take_row(struct timing *timing, const struct latency_report *report,
		     const struct latency_row *told)
{
	struct timing_row *row = row_for(timing, told->function);

	if (!row) {
		timing->beyond += report->is_final ? 0 : told->figures->calls;
		return;
	}
	if (report->is_final) {
		row->whole = *told->figures;
		if (told->http)
			row->http = *told->http;
		return;
	}
	latency_add(&row->whole, told->figures);
	row->recent_calls = told->figures->calls;
	if (told->http)
		add_http(&row->http, told->http);
}

static int on_begin(struct latency_target *target)
{
	struct timing *timing = target->state;

	timing_lock(timing);
	timing->unix_offset_ns = target->unix_offset_ns;
	timing_unlock(timing);
	return 0;
}

static int on_report(struct latency_target *target, const struct latency_report *report)
{
	struct timing *timing = target->state;
	int err;

	timing_lock(timing);
	timing->told_mono_ns = report->at_mono_ns;
	if (!report->is_final)
		timing->recent_span_ns = report->span_ns;
	vec_each(row, &timing->rows)
		(*row)->recent_calls = 0;
	for (size_t i = 0; i < report->count; i++)
		take_row(timing, report, &report->rows[i]);
	err = heat_add(&timing->heat, report);
	timing_unlock(timing);
	return err;
}

/* A copy, of a row that stays. */
static int push_slow(struct timing *timing, const struct latency_slow *slow)
{
	struct timing_row *row = row_for(timing, slow->call.function);
	struct latency_slow copy = *slow;

	if (!row)
		return 0;
	copy.call.function = &row->function;
	if (!timing->one.all->config->http.tell_arguments)
		copy.request[strcspn(copy.request, "?")] = '\0'; /* queries hold tokens */
	return vec_push(&timing->slow, copy);
}

/* While it runs: the oldest gives way. */
static int push_latest(struct timing *timing, const struct latency_slow *slow)
{
	if (timing->slow.len == TIMING_LATEST) {
		timing->slow.len--;
		memmove(timing->slow.data, timing->slow.data + 1,
			timing->slow.len * sizeof(*timing->slow.data));
	}
	return push_slow(timing, slow);
}

static int on_slow(struct latency_target *target, const struct latency_slow *slow)
{
	struct timing *timing = target->state;
	int err = 0;

	timing_lock(timing);
	timing->slow_total++;
	/* Of many those are shown that will have been divided: others would be gone before that. */
	if (timing->slow.len < TIMING_LATEST || slow->not_divided)
		err = push_latest(timing, slow);
	timing_unlock(timing);
	return err;
}

/* Calls that a thread was in at the same time were divided alike. */
static int on_divided(struct latency_target *target, const struct latency_slow *slow)
{
	struct timing *timing = target->state;
	bool is_there = false;
	int err = 0;

	timing_lock(timing);
	vec_each(one, &timing->slow) {
		if (one->call.tid != slow->call.tid || one->began_mono_ns != slow->began_mono_ns ||
		    one->ended_mono_ns != slow->ended_mono_ns)
			continue;
		one->running_ns = slow->running_ns;
		memcpy(one->blocked_ns, slow->blocked_ns, sizeof(one->blocked_ns));
		one->is_divided = is_there = true;
	}
	if (!is_there)
		err = push_latest(timing, slow);
	timing_unlock(timing);
	return err;
}

static int on_why(struct latency_target *target, const struct latency_why *why)
{
	struct timing *timing = target->state;
	int err = 0;

	timing_lock(timing);
	timing->slow.len = 0;
	timing->slow_total = why->total;
	for (size_t i = 0; !err && i < why->count; i++)
		err = push_slow(timing, &why->calls[i]);
	timing_unlock(timing);
	return err;
}

static const struct latency_sink keep = {
	.name = "keep",
	.begin = on_begin,
	.slow = on_slow,
	.divided = on_divided,
	.report = on_report,
	.why = on_why,
};

static void on_started(void *context, const struct latency_plan *plan, uint64_t attach_ns)
{
	struct timing *timing = context;

	timing_lock(timing);
	for (size_t i = 0; plan && i < plan->functions.len; i++)
		(void)row_for(timing, &plan->functions.data[i]);
	timing->began_mono_ns = timing->told_mono_ns = clock_mono_ns();
	timing->attach_ns = attach_ns;
	timing_unlock(timing);
	measurements_lock(timing->one.all);
	timing->one.stage = MEASUREMENT_RUNNING;
	measurements_unlock(timing->one.all);
}

static uint64_t bytes_of(const struct timing *timing)
{
	uint64_t bytes = timing->rows.len * sizeof(struct timing_row) +
			 timing->heat.subjects.len * sizeof(struct heat_subject) +
			 timing->slow.cap * sizeof(struct latency_slow);

	return bytes + (timing->profile ? demand_bytes(timing->profile) : 0);
}

/* Nobody will read it.  Under its lock. */
static void drop_result(struct timing *timing)
{
	vec_each(row, &timing->rows)
		free(*row);
	vec_done(&timing->rows);
	vec_done(&timing->slow);
	heat_done(&timing->heat);
	profile_free(take(timing->profile));
}

/* What was found of the files is needed no more, but for the names. */
int timing_run(struct measurement *one)
{
	struct timing *timing = timing_of(one);
	const struct timing_request *asked = &timing->request;
	struct profile *profile = NULL;
	struct latency_outcome outcome;
	const struct latency_request request = {
		.pid = asked->pid,
		.duration_ns = asked->duration_ns,
		.interval_ns = TIMING_INTERVAL_NS,
		.max_cost_pct = asked->max_cost_pct,
		.slower_ns = asked->slower_ns,
		.ret_slow = asked->slower_ns ? &profile : NULL,
		.tls = *asked->tls ? asked->tls : NULL,
		.port = asked->port,
		.stop = one->stop,
		.sink = &keep,
		.target = { .state = timing, .is_http = asked->is_http },
		.started = on_started,
		.context = timing,
	};
	int err = asked->is_http
			  ? latency_run_http(&request, &timing->coverage, &outcome)
			  : latency_run(&request, &timing->plan, &timing->coverage, &outcome);

	timing_lock(timing);
	timing->outcome = outcome;
	timing->profile = profile;
	vec_each(slow, &timing->slow)
		latency_slow_own(slow);
	if (err || one->is_cancelled)
		drop_result(timing);
	latency_plan_close(&timing->plan);
	timing_unlock(timing);
	measurements_lock(one->all);
	one->bytes = err || one->is_cancelled ? 0 : bytes_of(timing);
	measurements_unlock(one->all);
	return err;
}

int timing_new(const struct timing_request *request, struct latency_plan *plan,
	       struct timing **ret_timing)
{
	struct timing *timing = calloc(1, sizeof(*timing));
	int err;

	if (!timing)
		return -ENOMEM;
	pthread_mutex_init(&timing->lock, NULL);
	timing->request = *request;
	timing->one.is_of_incident = request->is_watched;
	err = measurement_init(&timing->one);
	if (err) {
		timing_free(&timing->one);
		return err;
	}
	timing->plan = *plan;
	*plan = (struct latency_plan){ 0 };
	*ret_timing = timing;
	return 0;
}

void timing_free(struct measurement *one)
{
	struct timing *timing = timing_of(one);

	drop_result(timing);
	coverage_done(&timing->coverage);
	latency_plan_done(&timing->plan);
	pthread_mutex_destroy(&timing->lock);
	measurement_done(one);
	free(timing);
}
