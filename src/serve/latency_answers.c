/* SPDX-License-Identifier: MIT */
/* latency_answers.c - latencies on demand over REST: started, listed, stopped, forgotten, and what was found.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "serve/answers.h"
#include "serve/formats.h"
#include "serve/latency_body.h"
#include "serve/span.h"
#include "serve/timing_json.h"

#define LIST_MAX     200 /* functions that a search tells of */
#define SLOW_DEFAULT 20

const struct query_parameter latency_parameters[] = {
	{ "row", "whose histogram and heat map: its number; that with the most calls if left out",
	  "integer" },
	{ 0 },
};

const struct query_parameter latency_slow_parameters[] = {
	{ "limit", "at most so many, the slowest first; 20 if left out", "integer" },
	{ "row", "only those of this row", "integer" },
	{ 0 },
};

const struct query_parameter latency_function_parameters[] = {
	{ "name", "FILE:FUNCTION, which may be a glob; with pid FUNCTION alone", "string" },
	{ "pid", "in the program of this process and its libraries", "integer" },
	{ 0 },
};

static int unknown(const char *id)
{
	int err = fail(-ENOENT, "there is no measurement '%s'", id);

	hint("GET /api/v1/latency lists those that have not expired");
	return err;
}

static struct timing *borrow(struct api *api, const struct request *request)
{
	return timings_borrow(api->timings, request->parts[0]);
}

static void give_back(struct api *api, struct timing *timing)
{
	measurements_return(&api->timings->all, &timing->one);
}

static int examine(struct latency_plan *plan, const struct latency_wish *wish)
{
	int err = 0;

	plan->pid = wish->request.pid;
	for (size_t i = 0; !err && i < wish->args.list.len; i++)
		err = latency_plan_arg(plan, wish->args.list.data[i]);
	for (size_t i = 0; !err && i < wish->functions.list.len; i++)
		err = latency_plan_add(plan, wish->functions.list.data[i]);
	if (!err && !wish->request.is_http && !plan->functions.len) {
		err = fail(-EINVAL, "none of these functions can be probed");
		if (plan->refused.len)
			hint("%s", plan->refused.data[0]);
	}
	return err == -ERROR_USAGE || err == -ENOTSUP ? -EINVAL : err;
}

static int put_one(struct timing *timing, int status, struct response *response)
{
	struct timing_state state = timing_state(timing);
	struct json json;
	FILE *out = response_open_object(response, status, &json);

	if (!out)
		return -ENOMEM;
	timing_lock(timing);
	timing_put_state(&json, timing, &state);
	timing_unlock(timing);
	return response_close_object(response, &json, out);
}

int answer_latency_start(struct api *api, const struct request *request, struct response *response)
{
	own(latency_wish_done) struct latency_wish wish = { 0 };
	own(latency_plan_done) struct latency_plan plan = { 0 };
	char id[MEASUREMENT_ID_BYTES];
	struct timing *timing;
	int err = latency_body_read(request, api->config, &wish);

	err = err ?: examine(&plan, &wish);
	err = err ?: timings_start(api->timings, &wish.request, &plan, id);
	if (measurement_refused(err, response))
		return 0;
	if (err)
		return err;
	timing = timings_borrow(api->timings, id);
	if (!timing)
		return unknown(id);
	err = put_one(timing, 202, response);
	give_back(api, timing);
	return err;
}

int answer_latencies(struct api *api, const struct request *request, struct response *response)
{
	struct measurements *all = &api->timings->all;
	vec(struct timing *) list = { 0 };
	struct json json;
	FILE *out = NULL;
	int err = span_check_parameters(request, NULL);

	measurements_lock(all);
	for (size_t i = all->list.len; !err && i-- > 0;) {
		err = vec_push(&list, (struct timing *)all->list.data[i]);
		if (!err)
			all->list.data[i]->users++;
	}
	measurements_unlock(all);
	if (!err)
		out = response_open_object(response, 200, &json);
	if (out) {
		json_array(&json, "data");
	}
	vec_each(timing, &list) {
		struct timing_state state = timing_state(*timing);

		if (out) {
			json_object(&json, NULL);
			timing_lock(*timing);
			timing_put_state(&json, *timing, &state);
			timing_unlock(*timing);
			json_object_end(&json);
		}
		give_back(api, *timing);
	}
	vec_done(&list);
	if (!out)
		return err ?: -ENOMEM;
	json_array_end(&json);
	json_u64(&json, "max_concurrent", api->config->profiler.max_concurrent_sessions);
	json_double(&json, "max_duration_s",
		    (double)api->config->profiler.max_session_duration_seconds);
	return response_close_object(response, &json, out);
}

int answer_latency(struct api *api, const struct request *request, struct response *response)
{
	struct timing *timing = borrow(api, request);
	uint64_t number = TIMING_ANY_ROW;
	struct timing_state state;
	struct json json;
	FILE *out = NULL;
	int err = span_check_parameters(request, latency_parameters);

	if (!timing)
		return unknown(request->parts[0]);
	err = err ?: span_number(request, "row", 0, TIMING_ROWS_MAX - 1, &number);
	state = timing_state(timing);
	if (!err)
		out = response_open_object(response, 200, &json);
	if (out) {
		timing_lock(timing);
		timing_put_state(&json, timing, &state);
		timing_put_found(&json, timing, &state, number);
		timing_unlock(timing);
	}
	give_back(api, timing);
	return out ? response_close_object(response, &json, out) : err ?: -ENOMEM;
}

int answer_latency_slow(struct api *api, const struct request *request, struct response *response)
{
	uint64_t limit = SLOW_DEFAULT, number = TIMING_ANY_ROW;
	struct timing *timing = borrow(api, request);
	struct json json;
	FILE *out = NULL;
	int err = span_check_parameters(request, latency_slow_parameters);

	if (!timing)
		return unknown(request->parts[0]);
	err = err ?: span_number(request, "limit", 1, 1000, &limit);
	err = err ?: span_number(request, "row", 0, TIMING_ROWS_MAX - 1, &number);
	if (!err)
		out = response_open_object(response, 200, &json);
	if (out) {
		timing_lock(timing);
		err = timing_put_slow(&json, timing, limit, number);
		timing_unlock(timing);
		err = response_close_object(response, &json, out) ?: err;
	}
	give_back(api, timing);
	return out ? err : err ?: -ENOMEM;
}

int answer_latency_profile(struct api *api, const struct request *request,
			   struct response *response)
{
	struct timing *timing = borrow(api, request);
	struct timing_state state;
	int err = span_check_parameters(request, session_profile_parameters);

	if (!timing)
		return unknown(request->parts[0]);
	state = timing_state(timing);
	if (!err && timing->profile && state.is_over)
		err = formats_put_asked(timing->profile, request, "slow calls", response);
	else if (!err)
		response_problem(response, 409,
				 timing->request.slower_ns ? "POST .../stop ends it with its result"
							   : "start it with \"slower_ms\"",
				 "there is no profile of slow calls: it is %s",
				 measurement_stage_name(state.stage));
	give_back(api, timing);
	return err;
}

static int put_accepted(struct response *response)
{
	FILE *out = response_open(response, 202, "application/json");

	if (!out)
		return -ENOMEM;
	fprintf(out, "{\"accepted\":true}\n");
	return response_close(response, out);
}

int answer_latency_stop(struct api *api, const struct request *request, struct response *response)
{
	if (measurements_stop(&api->timings->all, request->parts[0]))
		return unknown(request->parts[0]);
	return put_accepted(response);
}

int answer_latency_forget(struct api *api, const struct request *request, struct response *response)
{
	if (measurements_cancel(&api->timings->all, request->parts[0]))
		return unknown(request->parts[0]);
	return put_accepted(response);
}

static int put_functions(const struct latency_plan *plan, struct response *response)
{
	struct json json;
	FILE *out = response_open_object(response, 200, &json);

	if (!out)
		return -ENOMEM;
	json_array(&json, "data");
	for (size_t i = 0; i < plan->functions.len && i < LIST_MAX; i++) {
		const struct latency_function *function = &plan->functions.data[i];

		json_object(&json, NULL);
		json_text(&json, "function", function->name);
		json_text(&json, "file", function->file);
		json_text(&json, "how", function->how);
		json_bool(&json, "timed", !function->is_counted);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_u64(&json, "count", plan->functions.len);
	json_u64(&json, "max", TIMINGS_FUNCTIONS_MAX);
	timing_put_texts(&json, "refused", plan->refused.data,
			 plan->refused.len < LIST_MAX ? plan->refused.len : LIST_MAX);
	timing_put_texts(&json, "unseen", plan->unseen.data, plan->unseen.len);
	return response_close_object(response, &json, out);
}

int answer_latency_functions(struct api *api, const struct request *request,
			     struct response *response)
{
	own(latency_plan_done) struct latency_plan plan = { 0 };
	const char *name = request_parameter(request, "name");
	uint64_t pid = 0;
	int err = span_check_parameters(request, latency_function_parameters);

	(void)api;
	err = err ?: span_number(request, "pid", 1, INT32_MAX, &pid);
	if (!err && (!name || !*name)) {
		err = fail(-EINVAL, "no function is named");
		hint("name=libc.so.6:get*");
	}
	plan.pid = (uint32_t)pid;
	err = err ?: latency_plan_add(&plan, name);
	if (err == -ERROR_USAGE || err == -ENOTSUP)
		err = -EINVAL;
	return err ?: put_functions(&plan, response);
}
