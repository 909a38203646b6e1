/* SPDX-License-Identifier: MIT */
/* session_answers.c - profiles on demand over REST: started, listed, cancelled, and read in every format of
 * `kymo profile`.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "serve/answers.h"
#include "serve/body.h"
#include "serve/call_tree.h"
#include "serve/formats.h"
#include "serve/profiles.h"
#include "serve/rows.h"
#include "serve/sessions.h"
#include "serve/span.h"

#define DEFAULT_RATE_HZ 99
#define DEFAULT_S       30
#define MIN_BLOCK_NS    NS_PER_MS /* as `kymo profile --off-cpu` has it */

/* Every sample of a long session is more than anybody asked for. */
enum samples_wish {
	SAMPLES_IF_FEW,
	SAMPLES_KEPT,
	SAMPLES_ADDED_UP
};

static const char *const ends[] = {
	[DEMAND_DURATION] = "duration",
	[DEMAND_STOPPED] = "stopped",
	[DEMAND_TARGET_GONE] = "process ended",
	[DEMAND_FULL] = "result at its ceiling",
};

const struct query_parameter session_profile_parameters[] = {
	{ "format",
	  "json: the tree of the page; profile-json, folded, extended-folded, table, svg, tree, pprof, "
	  "speedscope or firefox, as kymo profile writes them",
	  "string" },
	{ "min_share", "percent of the whole: lighter nodes are left out", "number" },
	{ "group", "comm: below the names of threads; or none", "string" },
	{ 0 },
};

const struct body_key session_body[] = {
	{ "pid", "the process, with its threads and children; the whole host if left out",
	  "integer" },
	{ "duration_s", "30 if left out; at most max_session_duration_seconds of [profiler]",
	  "number" },
	{ "rate_hz",
	  "samples of each processor and second; 99 if left out; at most max_frequency_hz of [profiler]",
	  "integer" },
	{ "kind", "cpu; off-cpu: where threads wait; or wall: both", "string" },
	{ "samples",
	  "keep every single one, for extended-folded, table, profile-json, speedscope and firefox; if left "
	  "out, where they are few",
	  "boolean" },
	{ 0 },
};

static int read_kind(struct json_reader *reader, enum profile_time *time)
{
	if (json_read(reader) == JSON_TEXT)
		for (size_t i = 0; i < PROFILE_KINDS; i++)
			if (json_read_is(reader, profile_kinds[i])) {
				*time = (enum profile_time)i;
				return 0;
			}
	return fail(-EINVAL, "'kind' is \"cpu\", \"off-cpu\" or \"wall\"");
}

/* What a body is read into. */
struct reading {
	const struct config *config;
	struct demand_request *wanted;
	enum samples_wish wish;
};

static int read_wish(struct json_reader *reader, enum samples_wish *wish)
{
	bool is_kept = false;
	int err = body_read_flag(reader, "samples", &is_kept);

	if (!err)
		*wish = is_kept ? SAMPLES_KEPT : SAMPLES_ADDED_UP;
	return err;
}

static int read_key(void *context, struct json_reader *reader)
{
	struct reading *reading = context;
	const struct config *config = reading->config;
	struct demand_request *wanted = reading->wanted;
	double number = 0;
	int err;

	if (json_read_is(reader, "kind"))
		return read_kind(reader, &wanted->time);
	if (json_read_is(reader, "samples"))
		return read_wish(reader, &reading->wish);
	if (json_read_is(reader, "pid")) {
		err = body_read_number(reader, "pid", 1, INT32_MAX, true, &number);
		wanted->pid = (uint32_t)number;
	} else if (json_read_is(reader, "rate_hz")) {
		err = body_read_number(reader, "rate_hz", 1,
				       (double)config->profiler.max_frequency_hz, true, &number);
		wanted->rate_hz = (uint32_t)number;
	} else if (json_read_is(reader, "duration_s")) {
		err = body_read_number(reader, "duration_s", 0.01,
				       (double)config->profiler.max_session_duration_seconds, false,
				       &number);
		wanted->duration_ns = (uint64_t)(number * NS_PER_S);
	} else {
		err = fail(-EINVAL, "there is no key '%.*s'", (int)reader->len, reader->text);
		hint("pid, duration_s, rate_hz, kind and samples are known");
	}
	return err;
}

static int read_body(const struct request *request, const struct config *config,
		     struct demand_request *wanted)
{
	struct reading reading = { config, wanted, SAMPLES_IF_FEW };
	int err = body_read(request, "{\"pid\": 1234, \"duration_s\": 10}", read_key, &reading);
	uint64_t most;

	most = wanted->duration_ns / NS_PER_S * wanted->rate_hz *
	       (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	wanted->keep_samples = reading.wish == SAMPLES_KEPT ||
			       (reading.wish == SAMPLES_IF_FEW && wanted->time == PROFILE_RUNNING &&
				most <= SESSIONS_MAX_SAMPLES);
	return err;
}

static void put_state(struct json *json, const struct sessions_state *state)
{
	const struct demand_request *request = &state->request;
	char href[80];

	json_text(json, "id", state->id);
	json_text(json, "state", measurement_stage_name(state->stage));
	if (state->stage == MEASUREMENT_DONE)
		json_text(json, "ended_by", ends[state->end]);
	if (state->stage == MEASUREMENT_FAILED)
		json_text(json, "why", state->why);
	json_text(json, "target", request->pid ? "process" : "host");
	if (request->pid)
		json_u64(json, "pid", request->pid);
	json_text(json, "kind", profile_kinds[request->time]);
	json_double(json, "duration_s", (double)request->duration_ns / NS_PER_S);
	json_u64(json, "rate_hz", request->rate_hz);
	json_bool(json, "keeps_samples", request->keep_samples);
	if (state->is_of_incident)
		json_bool(json, "of_incident", true);
	rows_put_instant(json, "asked", state->at_unix_ns);
	if (state->setup_ns)
		rows_put_u64(json, "setup_ns", state->setup_ns);
	if (state->first_ns)
		rows_put_u64(json, "first_sample_ns", state->first_ns);
	if (state->setup_ns)
		json_bool(json, "loaded_ahead", state->was_ahead);
	json_u64(json, "samples", state->samples);
	json_u64(json, "lost", state->lost);
	if (state->expires_unix_ns)
		rows_put_instant(json, "expires", state->expires_unix_ns);
	snprintf(href, sizeof(href), "/api/v1/sessions/%s", state->id);
	json_text(json, "href", href);
	if (state->stage == MEASUREMENT_DONE) {
		snprintf(href, sizeof(href), "/api/v1/sessions/%s/profile", state->id);
		json_text(json, "profile", href);
	}
}

static int put_one(const struct sessions_state *state, int status, struct response *response)
{
	struct json json;
	FILE *out = response_open_object(response, status, &json);

	if (!out)
		return -ENOMEM;
	put_state(&json, state);
	return response_close_object(response, &json, out);
}

static int unknown(const char *id)
{
	int err = fail(-ENOENT, "there is no session '%s'", id);

	hint("GET /api/v1/sessions lists those that have not expired");
	return err;
}

int answer_session_start(struct api *api, const struct request *request, struct response *response)
{
	struct demand_request wanted = {
		.rate_hz = DEFAULT_RATE_HZ,
		.duration_ns = DEFAULT_S * NS_PER_S,
		.min_block_ns = MIN_BLOCK_NS,
		.max_bytes = SESSIONS_MAX_RESULT_BYTES,
	};
	struct sessions_state state;
	char id[MEASUREMENT_ID_BYTES];
	int err;

	if (wanted.duration_ns > api->config->profiler.max_session_duration_seconds * NS_PER_S)
		wanted.duration_ns = api->config->profiler.max_session_duration_seconds * NS_PER_S;
	if (wanted.rate_hz > api->config->profiler.max_frequency_hz)
		wanted.rate_hz = (uint32_t)api->config->profiler.max_frequency_hz;
	err = read_body(request, api->config, &wanted);
	err = err ?: sessions_start(api->sessions, &wanted, id);
	if (measurement_refused(err, response))
		return 0;
	err = err ?: sessions_find(api->sessions, id, &state);
	return err ?: put_one(&state, 202, response);
}

int answer_sessions(struct api *api, const struct request *request, struct response *response)
{
	own(freep) struct sessions_state *states = NULL;
	struct json json;
	size_t count = 0;
	FILE *out = NULL;
	int err = span_check_parameters(request, NULL);

	err = err ?: sessions_list(api->sessions, &states, &count);
	if (!err)
		out = response_open_object(response, 200, &json);
	if (!out)
		return err ?: -ENOMEM;
	json_array(&json, "data");
	for (size_t i = 0; i < count; i++) {
		json_object(&json, NULL);
		put_state(&json, &states[i]);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_u64(&json, "count", count);
	json_u64(&json, "max_concurrent", api->config->profiler.max_concurrent_sessions);
	return response_close_object(response, &json, out);
}

int answer_session(struct api *api, const struct request *request, struct response *response)
{
	struct sessions_state state;

	if (sessions_find(api->sessions, request->parts[0], &state))
		return unknown(request->parts[0]);
	return put_one(&state, 200, response);
}

int answer_session_cancel(struct api *api, const struct request *request, struct response *response)
{
	FILE *out;

	if (sessions_cancel(api->sessions, request->parts[0]))
		return unknown(request->parts[0]);
	out = response_open(response, 202, "application/json");
	if (!out)
		return -ENOMEM;
	fprintf(out, "{\"accepted\":true}\n");
	return response_close(response, out);
}

int answer_session_profile(struct api *api, const struct request *request,
			   struct response *response)
{
	struct session_result *result = NULL;
	const struct profile *profile;
	struct sessions_state state;
	int err = span_check_parameters(request, session_profile_parameters);

	if (err)
		return err;
	if (sessions_borrow(api->sessions, request->parts[0], &profile, &result) == 0) {
		err = formats_put_asked(profile, request, "a session of kymo", response);
		sessions_return(api->sessions, result);
		return err;
	}
	if (sessions_find(api->sessions, request->parts[0], &state))
		return unknown(request->parts[0]);
	if (state.stage == MEASUREMENT_FAILED)
		response_problem(response, 409, NULL, "the session failed: %s", state.why);
	else
		response_problem(response, 409, "GET /api/v1/sessions/{id} tells how far it is",
				 "the session has no result: it is %s",
				 measurement_stage_name(state.stage));
	return 0;
}
