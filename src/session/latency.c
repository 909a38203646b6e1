/* SPDX-License-Identifier: MIT */
#include "session/latency.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/alive.h"
#include "collect/call/calls.h"
#include "session/latency_why.h"
#include "session/signals.h"

#define COST_SPAN_NS NS_PER_S /* over which the cost is averaged, before it is too much */

struct latency {
	const struct latency_request *request;
	struct latency_plan *plan;
	struct coverage *coverage;
	struct latency_target target;
	struct calls *calls;
	struct why *why; /* NULL: nothing is explained */
	struct calls_costs costs;
	struct signals signals;
	/* In the order of files, as calls wants them. */
	vec(struct call_site) sites;
	vec(uint64_t) offsets, semaphores;
	vec(struct calls_file) files;
	struct latency_figures **before; /* by function; NULL: nothing was called yet */
	struct latency_figures *now;     /* by row of a report */
	struct latency_row *rows;
	uint64_t started_ns, reported_ns, ended_ns;
	uint64_t cost_from_ns, cost_from; /* where the span of the cost began */
	uint64_t *max_ns;                 /* altogether, by function */
	uint64_t written;
	bool is_over;
	enum latency_end end;
};

/* The sites of a file that are return probes, or those that are none. */
static int take_kind(struct latency *latency, uint32_t file, bool hooked, uint32_t *count)
{
	const struct latency_plan *plan = latency->plan;
	int err = 0;

	for (size_t i = 0; !err && i < plan->sites.len; i++) {
		const struct call_site *site = &plan->sites.data[i];

		if (plan->file_of.data[site->function] != file ||
		    (site->kind == CALL_HOOKED) != hooked)
			continue;
		err = vec_push(&latency->sites, *site);
		err = err ?: vec_push(&latency->offsets, plan->offsets.data[i]);
		err = err ?: vec_push(&latency->semaphores, plan->semaphores.data[i]);
		++*count;
	}
	return err;
}

static int take_sites(struct latency *latency)
{
	const struct latency_plan *plan = latency->plan;
	int err = 0;

	for (uint32_t file = 0; !err && file < plan->files.len; file++) {
		struct calls_file one = {
			.fd = plan->files.data[file]->image->source.fd,
			.first = (uint32_t)latency->sites.len,
		};

		err = take_kind(latency, file, false, &one.hooked);
		one.hooked = 0;
		err = err ?: take_kind(latency, file, true, &one.hooked);
		one.count = (uint32_t)latency->sites.len - one.first;
		if (!err && one.count)
			err = vec_push(&latency->files, one);
	}
	return err;
}

static bool has_enough(const struct latency *latency)
{
	return latency->request->count && latency->written >= latency->request->count;
}

/* A call that was slow.  0; -ENOMEM */
static int keep_slow(struct latency *latency, const struct latency_call *call,
		     const struct call_record *record)
{
	struct latency_slow slow = {
		.call = *call,
		.began_mono_ns = record->at - record->took_ns,
		.ended_mono_ns = record->at,
		.runq_ns = record->runq_ns,
	};

	if (call->arguments)
		slow.arguments = *call->arguments;
	if (record->runq_ns == CALL_NOT_SPLIT)
		slow.not_divided = record->is_go ? "a goroutine shares its thread with others"
						 : "it began on another thread";
	return latency_slow_told(latency->request->sink, &latency->target, &slow)
		       ?: why_add(latency->why, &slow);
}

static bool is_slow(const struct latency *latency, const struct call_record *record)
{
	return record->took_ns >= latency->request->slower_ns;
}

static int keep_span(struct latency *latency, const struct latency_call *call,
		     const struct call_record *record)
{
	if (record->runq_ns == CALL_NOT_SPLIT)
		return 0;
	return why_add_span(latency->why, &(struct more_call){
						  .began_mono_ns = record->at - record->took_ns,
						  .ended_mono_ns = record->at,
						  .function = call->function,
						  .tid = record->tid,
						  .is_slow = is_slow(latency, record),
					  });
}

static int on_call(void *context, const struct call_record *record,
		   const struct call_arguments *told)
{
	struct latency *latency = context;
	const struct latency_plan *plan = latency->plan;
	struct latency_arguments arguments;
	struct latency_call call = {
		.function = &latency->plan->functions.data[record->function],
		.at_mono_ns = record->at,
		.took_ns = record->took_ns,
		.pid = record->pid,
		.tid = record->tid,
		.goroutine = record->goroutine,
		.arguments = told ? &arguments : NULL,
	};

	if (told)
		latency_read_arguments(&arguments, plan->args, plan->arg_count, told);
	if (has_enough(latency))
		return 0;
	if (latency->why) {
		int err = keep_span(latency, &call, record);

		if (!err && is_slow(latency, record))
			err = keep_slow(latency, &call, record);
		if (err)
			return err;
	}
	if (!latency->request->per_call || !latency->request->sink->call)
		return 0;
	latency->written++;
	return latency->request->sink->call(&latency->target, &call);
}

static int open_calls(struct latency *latency)
{
	struct calls_request request = {
		.sites = latency->sites.data,
		.offsets = latency->offsets.data,
		.semaphores = latency->semaphores.data,
		.site_count = (uint32_t)latency->sites.len,
		.files = latency->files.data,
		.file_count = (uint32_t)latency->files.len,
		.function_count = (uint32_t)latency->plan->functions.len,
		.pid = latency->request->pid,
		.is_perf = latency->request->by_perf,
		.options = {
			.limit = latency->request->count,
			.tgid = latency->request->pid,
			.records = latency->request->per_call || why_wants(latency->request),
			.slower = latency->request->per_call || latency->request->more_out
					  ? 0
					  : latency->request->slower_ns,
			.split = why_wants(latency->request),
			.arg_count = (uint32_t)latency->plan->arg_count,
		},
		.each = on_call,
		.context = latency,
	};
	int err;

	memcpy(request.options.args, latency->plan->args, sizeof(request.options.args));
	err = calls_open(&request, &latency->calls);
	if (err)
		return err;
	calls_measure(latency->calls, &latency->costs);
	latency_plan_costs(latency->plan, latency->costs.ns);
	latency->plan->by_perf = calls_by_perf(latency->calls);
	return 0;
}

static int prepare(struct latency *latency)
{
	size_t count = latency->plan->functions.len;
	int err = take_sites(latency);

	if (!err && why_wants(latency->request))
		err = why_open(latency->request, &latency->why);
	latency->before = calloc(count, sizeof(*latency->before));
	latency->rows = calloc(count, sizeof(*latency->rows));
	latency->max_ns = calloc(count, sizeof(*latency->max_ns));
	latency->now = calloc(count, sizeof(*latency->now));
	if (!err && (!latency->before || !latency->rows || !latency->max_ns || !latency->now))
		err = -ENOMEM;
	return err ?: open_calls(latency);
}

static int attach(struct latency *latency, struct latency_outcome *outcome)
{
	uint64_t began = clock_mono_ns();
	uint32_t site = 0;
	int err = calls_attach(latency->calls, &site);

	outcome->attach_ns = clock_mono_ns() - began;
	if (err == -EOPNOTSUPP) {
		const struct call_site *refused = &latency->sites.data[site];

		err = fail(-ENOTSUP, "the kernel refuses the probe in '%s' at 0x%lx",
			   latency->plan->functions.data[refused->function].name,
			   (unsigned long)refused->address);
		hint("leave this function out");
	}
	return err;
}

static uint64_t cost_so_far(const struct latency *latency)
{
	uint64_t cost = 0;

	for (uint32_t i = 0; i < latency->plan->functions.len; i++) {
		const volatile struct call_counts *counts = calls_counts(latency->calls, i);

		for (unsigned j = 0; j < CALL_COSTS; j++)
			cost += counts->hits[j] * latency->costs.ns[j];
	}
	return cost;
}

static uint64_t hits_of(const volatile struct call_counts *counts)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < CALL_COSTS; i++)
		hits += counts->hits[i];
	return hits;
}

static const char *dearest(const struct latency *latency)
{
	const char *name = "";
	uint64_t most = 0;

	for (uint32_t i = 0; i < latency->plan->functions.len; i++) {
		uint64_t hits = hits_of(calls_counts(latency->calls, i));

		if (hits > most) {
			most = hits;
			name = latency->plan->functions.data[i].name;
		}
	}
	return name;
}

static void finish(struct latency *latency, enum latency_end end)
{
	if (!latency->is_over)
		latency->end = end;
	latency->is_over = true;
}

/* The cost is that of a second at least, so that a burst is not taken for a rate. */
static void check_cost(struct latency *latency, uint64_t now, struct latency_outcome *outcome)
{
	uint64_t cost = cost_so_far(latency), span = now - latency->cost_from_ns;
	double pct;

	if (span < COST_SPAN_NS)
		return;
	pct = 100.0 * (double)(cost - latency->cost_from) / (double)span;
	latency->cost_from = cost;
	latency->cost_from_ns = now;
	if (!latency->request->max_cost_pct || pct <= latency->request->max_cost_pct)
		return;
	outcome->cost_pct = pct;
	outcome->name = dearest(latency);
	finish(latency, LATENCY_END_COST);
}

static struct latency_figures *figures_before(struct latency *latency, uint32_t function)
{
	if (!latency->before[function])
		latency->before[function] = calloc(1, sizeof(*latency->before[function]));
	return latency->before[function];
}

static void add_row(struct latency *latency, struct latency_report *report, uint32_t function,
		    const struct latency_figures *figures)
{
	latency->now[report->count] = *figures;
	latency->rows[report->count] =
		(struct latency_row){ &latency->plan->functions.data[function],
				      &latency->now[report->count] };
	report->count++;
}

/* What came since the last report. */
static int report_interval(struct latency *latency, uint64_t now)
{
	unsigned turn = calls_turn(latency->calls);
	struct latency_report report = {
		.at_mono_ns = now,
		.span_ns = now - latency->reported_ns,
		.rows = latency->rows,
	};

	if (latency->why)
		why_turn(latency->why, clock_mono_ns());
	for (uint32_t i = 0; i < latency->plan->functions.len; i++) {
		const volatile struct call_counts *counts = calls_counts(latency->calls, i);
		struct latency_figures total, *before;

		if (!hits_of(counts))
			continue;
		latency_take(&total, counts, turn);
		before = figures_before(latency, i);
		if (!before)
			return -ENOMEM;
		if (total.max_ns > latency->max_ns[i])
			latency->max_ns[i] = total.max_ns;
		add_row(latency, &report, i, &total);
		latency_subtract(&latency->now[report.count - 1], before);
		*before = total;
	}
	latency->reported_ns = now;
	return latency->request->sink->report(&latency->target, &report);
}

static int note_losses(const struct latency *latency)
{
	const volatile struct call_control *control = calls_control(latency->calls);
	uint64_t now = clock_mono_ns();
	int err =
		coverage_lose(latency->coverage, "calls: the ring was full", control->dropped, now);

	err = err
		      ?: coverage_lose(latency->coverage, "calls: no memory for another that runs",
				       control->refused, now);
	err = err
		      ?: coverage_lose(latency->coverage,
				       "arguments: of calls when too many were under way",
				       control->forgotten, now);
	return err
		       ?: coverage_lose(latency->coverage,
					"hits: where the frame lies could not be read",
					control->unread, now);
}

/* Every function, also those that nobody called. */
static int report_all(struct latency *latency)
{
	struct latency_report report = {
		.at_mono_ns = latency->ended_ns,
		.is_final = true,
		.rows = latency->rows,
		.coverage = latency->coverage,
	};
	int err = note_losses(latency);

	err = err ?: latency_plan_note(latency->plan, latency->coverage);
	report.span_ns = report.at_mono_ns - latency->started_ns;
	for (uint32_t i = 0; i < latency->plan->functions.len; i++) {
		const volatile struct call_counts *counts = calls_counts(latency->calls, i);
		struct latency_figures total;

		latency_take(&total, counts, 0);
		if (counts->max_ns[1] > total.max_ns)
			total.max_ns = counts->max_ns[1];
		if (latency->max_ns[i] > total.max_ns)
			total.max_ns = latency->max_ns[i];
		add_row(latency, &report, i, &total);
	}
	return err ?: latency->request->sink->report(&latency->target, &report);
}

static uint64_t calls_so_far(const struct latency *latency)
{
	uint64_t calls = 0;

	if (latency->request->per_call)
		return latency->written;
	for (uint32_t i = 0; i < latency->plan->functions.len; i++)
		calls += calls_counts(latency->calls, i)->calls;
	return calls;
}

static void check_end(struct latency *latency, uint64_t now, struct latency_outcome *outcome)
{
	const struct latency_request *request = latency->request;
	struct launch nobody = { 0 };

	signals_read(&latency->signals, &nobody);
	if (latency->signals.stops)
		finish(latency, LATENCY_END_SIGNAL);
	if (request->count && calls_so_far(latency) >= request->count)
		finish(latency, LATENCY_END_COUNT);
	outcome->file = latency_plan_changed(latency->plan);
	if (outcome->file)
		finish(latency, LATENCY_END_FILE);
	check_cost(latency, now, outcome);
	if (request->pid && alive_process(request->pid) != 1)
		finish(latency, LATENCY_END_PROCESS);
	if (request->duration_ns && now >= latency->started_ns + request->duration_ns)
		finish(latency, LATENCY_END_TIME);
}

static void wait_for_more(const struct latency *latency, uint64_t now)
{
	uint64_t until = now + LATENCY_DRAIN_MS * NS_PER_MS;
	uint64_t end = latency->started_ns + latency->request->duration_ns;
	uint64_t report = latency->reported_ns + latency->request->interval_ns;
	struct pollfd waits[] = {
		{ .fd = latency->signals.fd, .events = POLLIN },
		{ .fd = calls_descriptor(latency->calls), .events = POLLIN },
	};

	if (latency->request->duration_ns && end < until)
		until = end;
	if (report < until)
		until = report;
	if (until > now)
		poll(waits, array_len(waits), (int)((until - now) / NS_PER_MS) + 1);
}

static int count_until_over(struct latency *latency, struct latency_outcome *outcome)
{
	uint64_t now = latency->started_ns;
	int err = 0;

	while (!err && !latency->is_over) {
		wait_for_more(latency, now);
		now = clock_mono_ns();
		check_end(latency, now, outcome);
		err = calls_drain(latency->calls);
		if (!err && latency->why)
			err = why_drain(latency->why, &latency->target);
		if (!err && !latency->is_over &&
		    now >= latency->reported_ns + latency->request->interval_ns)
			err = report_interval(latency, now);
		err = err ?: latency_flush(&latency->target);
	}
	return err;
}

static int count(struct latency *latency, struct latency_outcome *outcome)
{
	const struct latency_sink *sink = latency->request->sink;
	uint64_t began;
	int err;

	latency->started_ns = latency->reported_ns = latency->cost_from_ns = clock_mono_ns();
	latency->target.unix_offset_ns = clock_unix_offset_ns();
	if (latency->why && (err = why_start(latency->why)) != 0)
		return err;
	if (sink->begin && (err = sink->begin(&latency->target)) != 0)
		return err;
	calls_arm(latency->calls);
	if (latency->request->started)
		latency->request->started(latency->request->context, latency->plan,
					  outcome->attach_ns);
	err = count_until_over(latency, outcome);
	calls_disarm(latency->calls);
	latency->ended_ns = began = clock_mono_ns();
	calls_detach(latency->calls);
	outcome->detach_ns = clock_mono_ns() - began;
	err = err ?: calls_drain(latency->calls);
	if (!err && latency->why)
		err = why_finish(latency->why, latency->coverage);
	err = err ?: report_all(latency);
	if (!err && latency->why)
		err = why_write(latency->why, &latency->target);
	if (sink->end)
		sink->end(&latency->target);
	return err ?: latency_flush(&latency->target);
}

static int run(struct latency *latency, struct latency_outcome *outcome)
{
	const struct latency_request *request = latency->request;
	int err = signals_take_or(&latency->signals, latency->request->stop);

	err = err ?: prepare(latency);
	if (!err && request->ready)
		err = request->ready(request->context, latency->plan);
	err = err ?: attach(latency, outcome);
	return err ?: count(latency, outcome);
}

static void latency_done(struct latency *latency)
{
	why_close(latency->why);
	calls_close(latency->calls);
	for (size_t i = 0; latency->before && i < latency->plan->functions.len; i++)
		free(latency->before[i]);
	free(latency->before);
	free(latency->now);
	free(latency->rows);
	free(latency->max_ns);
	vec_done(&latency->sites);
	vec_done(&latency->offsets);
	vec_done(&latency->semaphores);
	vec_done(&latency->files);
	signals_give_back(&latency->signals);
}

int latency_run(const struct latency_request *request, struct latency_plan *plan,
		struct coverage *coverage, struct latency_outcome *ret_outcome)
{
	struct latency latency = {
		.request = request,
		.plan = plan,
		.coverage = coverage,
		.target = request->target,
		.signals = { .fd = -1 },
	};
	int err;

	latency.target.args = plan->args;
	latency.target.arg_count = plan->arg_count;
	*ret_outcome = (struct latency_outcome){ 0 };
	err = run(&latency, ret_outcome);
	ret_outcome->end = latency.end;
	if (!err && latency.end != LATENCY_END_COST && latency.ended_ns > latency.started_ns)
		ret_outcome->cost_pct = 100.0 * (double)cost_so_far(&latency) /
					(double)(latency.ended_ns - latency.started_ns);
	latency_done(&latency);
	return err;
}
