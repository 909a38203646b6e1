/* SPDX-License-Identifier: MIT */
#include "serve/timing_json.h"

#include <string.h>

#include "base/clock.h"
#include "model/histogram.h"
#include "serve/rows.h"
#include "show/latency_json.h"

static const char *const ends[] = {
	[LATENCY_END_TIME] = "duration",
	[LATENCY_END_SIGNAL] = "stopped",
	[LATENCY_END_COUNT] = "count",
	[LATENCY_END_PROCESS] = "process ended",
	[LATENCY_END_COST] = "the probes cost too much",
	[LATENCY_END_FILE] = "a file was written to",
};

struct timing_state timing_state(struct timing *timing)
{
	const struct measurement *one = &timing->one;
	struct timing_state state;

	measurements_lock(one->all);
	state = (struct timing_state){
		.stage = one->stage,
		.at_unix_ns = one->at_unix_ns,
		.expires_unix_ns = one->expires_unix_ns,
		.is_over = one->is_over,
	};
	memcpy(state.id, one->id, sizeof(state.id));
	memcpy(state.why, one->why, sizeof(state.why));
	measurements_unlock(one->all);
	return state;
}

static void put_subject(struct json *json, const struct timing_request *request)
{
	json_text(json, "subject", request->is_http ? "requests" : "functions");
	if (!request->is_http)
		json_text(json, "functions", request->what);
	if (request->pid)
		json_u64(json, "pid", request->pid);
	if (request->port)
		json_u64(json, "port", request->port);
	if (*request->tls)
		json_text(json, "tls", request->tls);
	json_double(json, "duration_s", (double)request->duration_ns / NS_PER_S);
	if (request->slower_ns)
		json_double(json, "slower_ms", (double)request->slower_ns / NS_PER_MS);
	json_double(json, "max_cost_pct", request->max_cost_pct);
}

static void put_outcome(struct json *json, const struct timing *timing)
{
	const struct latency_outcome *outcome = &timing->outcome;

	json_text(json, "ended_by", ends[outcome->end]);
	if (outcome->name)
		json_text(json, "dearest", outcome->name);
	if (outcome->file)
		json_text(json, "file", outcome->file);
	if (!timing->request.is_http || outcome->cost_pct > 0)
		json_double(json, "cost_pct", outcome->cost_pct);
	rows_put_u64(json, "detach_ns", outcome->detach_ns);
}

void timing_put_state(struct json *json, const struct timing *timing,
		      const struct timing_state *state)
{
	char href[80];

	json_text(json, "id", state->id);
	json_text(json, "state", measurement_stage_name(state->stage));
	if (state->stage == MEASUREMENT_FAILED)
		json_text(json, "why", state->why);
	else if (state->is_over)
		put_outcome(json, timing);
	put_subject(json, &timing->request);
	rows_put_instant(json, "asked", state->at_unix_ns);
	if (timing->began_mono_ns) {
		rows_put_instant(json, "began", timing->began_mono_ns + timing->unix_offset_ns);
		rows_put_u64(json, "attach_ns", timing->attach_ns);
		rows_put_u64(json, "told_ns", timing->told_mono_ns - timing->began_mono_ns);
	}
	json_u64(json, "row_count", timing->rows.len);
	json_u64(json, "slow_count", timing->slow_total);
	if (state->expires_unix_ns)
		rows_put_instant(json, "expires", state->expires_unix_ns);
	snprintf(href, sizeof(href), "/api/v1/latency/%s", state->id);
	json_text(json, "href", href);
	if (timing->profile && state->stage == MEASUREMENT_DONE) {
		snprintf(href, sizeof(href), "/api/v1/latency/%s/profile", state->id);
		json_text(json, "profile", href);
	}
}

/* [[least, greatest, how many], ...] */
static void put_histogram(struct json *json, const struct latency_figures *figures)
{
	json_array(json, "histogram");
	for (uint32_t i = 0; i < CALL_BUCKETS; i++) {
		if (!figures->buckets[i])
			continue;
		json_array(json, NULL);
		rows_put_u64(json, NULL, buckets_low(CALL_BITS, i));
		rows_put_u64(json, NULL, buckets_low(CALL_BITS, i + 1) - 1);
		json_u64(json, NULL, figures->buckets[i]);
		json_array_end(json);
	}
	json_array_end(json);
}

static void put_cells(struct json *json, const struct heat *heat,
		      const struct heat_subject *subject, unsigned low)
{
	json_array(json, "cells");
	for (unsigned i = 0; i < heat->columns; i++)
		for (unsigned j = 0; j < HEAT_ROWS; j++) {
			if (!subject->counts[i][j])
				continue;
			json_array(json, NULL);
			json_u64(json, NULL, i);
			json_u64(json, NULL, j - low);
			json_u64(json, NULL, subject->counts[i][j]);
			json_array_end(json);
		}
	json_array_end(json);
}

/* In the shape of /api/v1/heatmap. */
static void put_heat(struct json *json, const struct timing *timing, size_t number)
{
	const struct heat *heat = &timing->heat;
	const struct heat_subject *subject = heat_find(heat, timing->rows.data[number]->of);
	uint64_t total = 0, intervals = (heat->columns - 1) * heat->merged + heat->in_last;
	unsigned low = HEAT_ROWS, high = 0;

	if (!subject || !intervals)
		return;
	for (unsigned i = 0; i < heat->columns; i++)
		for (unsigned j = 0; j < HEAT_ROWS; j++) {
			total += subject->counts[i][j];
			low = subject->counts[i][j] && j < low ? j : low;
			high = subject->counts[i][j] && j > high ? j : high;
		}
	json_object(json, "heat");
	rows_put_u64(json, "start_unix_ns", heat->from_mono_ns + timing->unix_offset_ns);
	rows_put_u64(json, "step_ns",
		     (heat->to_mono_ns - heat->from_mono_ns) / intervals * heat->merged);
	json_u64(json, "steps", heat->columns);
	json_u64(json, "total", total);
	json_array(json, "buckets_ns");
	for (unsigned j = low; total && j <= high; j++) {
		json_array(json, NULL);
		rows_put_u64(json, NULL, buckets_low(CALL_BITS, j << CALL_BITS));
		rows_put_u64(json, NULL, buckets_low(CALL_BITS, (j + 1) << CALL_BITS) - 1);
		json_array_end(json);
	}
	json_array_end(json);
	put_cells(json, heat, subject, low);
	json_object_end(json);
}

static void put_rows(struct json *json, const struct timing *timing)
{
	json_array(json, "rows");
	for (size_t i = 0; i < timing->rows.len; i++) {
		struct latency_row row = timing_row_of(timing, i);
		uint64_t recent = timing->rows.data[i]->recent_calls;

		json_object(json, NULL);
		latency_row_json(json, &row, timing->told_mono_ns - timing->began_mono_ns);
		if (timing->recent_span_ns)
			json_double(json, "recent_rate_per_s",
				    (double)recent * NS_PER_S / (double)timing->recent_span_ns);
		json_object_end(json);
	}
	json_array_end(json);
}

void timing_put_texts(struct json *json, const char *key, char *const *texts, size_t count)
{
	json_array(json, key);
	for (size_t i = 0; i < count; i++)
		json_text(json, NULL, texts[i]);
	json_array_end(json);
}

static size_t busiest(const struct timing *timing)
{
	size_t most = 0;

	for (size_t i = 1; i < timing->rows.len; i++)
		if (timing->rows.data[i]->whole.calls > timing->rows.data[most]->whole.calls)
			most = i;
	return most;
}

void timing_put_found(struct json *json, const struct timing *timing,
		      const struct timing_state *state, uint64_t number)
{
	if (number == TIMING_ANY_ROW)
		number = busiest(timing);
	json_u64(json, "beyond", timing->beyond);
	put_rows(json, timing);
	if (number < timing->rows.len) {
		json_u64(json, "row", number);
		put_histogram(json, &timing->rows.data[number]->whole);
		put_heat(json, timing, number);
	}
	timing_put_texts(json, "refused", timing->plan.refused.data, timing->plan.refused.len);
	timing_put_texts(json, "unseen", timing->plan.unseen.data, timing->plan.unseen.len);
	if (state->is_over)
		latency_coverage_json(json, &timing->coverage);
}

int timing_put_slow(struct json *json, const struct timing *timing, uint64_t limit, uint64_t number)
{
	size_t count = timing->slow.len;
	uint64_t told = 0;
	int err = 0;

	json_bool(json, "explained", timing->profile != NULL);
	json_u64(json, "total", timing->slow_total);
	json_u64(json, "kept", count);
	json_array(json, "data");
	for (size_t i = 0; !err && i < count && told < limit; i++) {
		/* The slowest, or while it runs the latest, stand first. */
		const struct latency_slow *slow =
			&timing->slow.data[timing->profile ? i : count - 1 - i];
		struct latency_slow copy = *slow;

		if (number != TIMING_ANY_ROW &&
		    (number >= timing->rows.len ||
		     slow->call.function != &timing->rows.data[number]->function))
			continue;
		latency_slow_own(&copy);
		json_object(json, NULL);
		rows_put_instant(json, "ended", slow->call.at_mono_ns + timing->unix_offset_ns);
		err = latency_slow_json(json, timing->profile, &copy);
		json_object_end(json);
		told++;
	}
	json_array_end(json);
	return err;
}
