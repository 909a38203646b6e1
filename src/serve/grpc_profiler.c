/* SPDX-License-Identifier: MIT */
/* grpc_profiler.c - profiles on demand as clients of an older profiler ask for them, word by word.
 *
 * What makes no sense is answered with success=false and not with a status: those clients read nothing else.
 * A result is written by the pool, and sent in chunks as the client takes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "serve/answers.h"
#include "serve/grpc_call.h"
#include "serve/held.h"
#include "serve/payload.h"
#include "serve/proto/profiler.pb-c.h"

/* A result on its way to the client. */
struct sending {
	struct held held; /* the first member: the payload */
	struct call *call;
	struct response *payload; /* NULL: the pool is at work on it */
	size_t at;
	int32_t chunk;
	struct waiting *waiting;
};

/* What the pool's job knows of the call. */
struct waiting {
	struct call *call; /* NULL: gone */
	struct sessions_state state;
};

static void cannot_read(struct call *call)
{
	call_end(call, GRPC_INVALID_ARGUMENT, "the message cannot be read");
}

static void say_started(struct call *call, bool success, const char *text, char *id)
{
	Profiler__StartProfilingResponse response = PROFILER__START_PROFILING_RESPONSE__INIT;

	response.success = success;
	response.message = (char *)text;
	response.session_id = id;
	call_send(call, &response.base);
	call_end(call, GRPC_OK, "%s", "");
}

/* What is wrong with a wish, in the order in which it was always told.  Return: whether nothing is */
static bool check_wish(const struct config *config, const Profiler__StartProfilingRequest *request,
		       char *text, size_t size)
{
	int32_t most_s = (int32_t)config->profiler.max_session_duration_seconds;
	int32_t most_hz = (int32_t)config->profiler.max_frequency_hz;

	*text = '\0';
	if (request->process_id <= 0)
		snprintf(text, size, "Invalid process ID");
	else if (request->duration_seconds < 1 || request->duration_seconds > most_s)
		snprintf(text, size, "Duration must be between 1 and %d seconds", most_s);
	else if (request->frequency < 1 || request->frequency > most_hz)
		snprintf(text, size, "Frequency must be between 1 and %d Hz", most_hz);
	else if (!demand_exists((uint32_t)request->process_id))
		snprintf(text, size, "Process %d not found", request->process_id);
	return !*text;
}

static void start(struct call *call, const uint8_t *bytes, size_t len)
{
	const struct api *api = call_api(call);
	Profiler__StartProfilingRequest *request =
		profiler__start_profiling_request__unpack(NULL, len, bytes);
	struct demand_request wanted = { .max_bytes = SESSIONS_MAX_RESULT_BYTES };
	char text[256], id[MEASUREMENT_ID_BYTES] = "";
	bool is_good;

	if (!request) {
		cannot_read(call);
		return;
	}
	is_good = check_wish(api->config, request, text, sizeof(text));
	wanted.pid = (uint32_t)request->process_id;
	wanted.rate_hz = (uint32_t)request->frequency;
	wanted.duration_ns = (uint64_t)request->duration_seconds * NS_PER_S;
	profiler__start_profiling_request__free_unpacked(request, NULL);
	if (is_good && sessions_start(api->sessions, &wanted, id)) {
		is_good = false;
		*id = '\0';
		snprintf(text, sizeof(text), "%s", *error_text() ? error_text() : "no memory");
		error_clear();
	} else if (is_good) {
		snprintf(text, sizeof(text), "Profiling started for PID %u", wanted.pid);
	}
	say_started(call, is_good, text, id);
}

/* In a thread of the pool. */
static int write_payload(struct api *api, const struct request *request, struct response *response)
{
	struct session_result *result = NULL;
	const struct profile *profile;
	struct sessions_state state;
	int err = sessions_find(api->sessions, request->parts[0], &state);

	err = err ?: sessions_borrow(api->sessions, request->parts[0], &profile, &result);
	if (!err)
		err = payload_write(&state, profile, api->config->ebpf.max_stack_depth, response);
	sessions_return(api->sessions, result);
	return err;
}

static const struct route payload_route = { .answer = write_payload };

static void free_sending(struct sending *sending)
{
	if (sending->waiting)
		sending->waiting->call = NULL;
	held_remove(&sending->held);
	response_free(sending->payload);
	sending->payload = NULL;
	sending->waiting = NULL;
}

static void gone(struct call *call)
{
	if (call_state(call))
		free_sending(call_state(call));
}

static void send_chunk(struct call *call)
{
	struct sending *sending = call_state(call);
	size_t size = (size_t)call_api(call)->config->profiler.chunk_size_bytes, left;
	Profiler__ProfilingResultsChunk chunk = PROFILER__PROFILING_RESULTS_CHUNK__INIT;

	if (!sending || !sending->payload)
		return;
	left = sending->payload->len - sending->at;
	chunk.data.data = (uint8_t *)sending->payload->body + sending->at;
	chunk.data.len = left < size ? left : size;
	chunk.is_final = left <= size;
	chunk.chunk_index = sending->chunk++;
	chunk.timestamp = (int64_t)(clock_unix_ns() / NS_PER_S);
	sending->at += chunk.data.len;
	held_moved(&sending->held);
	call_send(call, &chunk.base);
	if (chunk.is_final)
		call_end(call, GRPC_OK, "%s", "");
}

/* Others have results to be sent, and there is no room for all of them.  The next tick sends the status. */
static void drop(struct held *held)
{
	struct sending *sending = (struct sending *)held;

	response_free(sending->payload);
	sending->payload = NULL;
	call_end(
		sending->call, GRPC_RESOURCE_EXHAUSTED,
		"too many results wait for their clients: this one was read the longest ago; ask again");
}

/* The pool has written it; we are on the loop again. */
static void on_written(struct job *job)
{
	struct waiting *waiting = job->context;
	struct call *call = waiting->call;
	struct sending *sending = call ? call_state(call) : NULL;

	if (sending) {
		sending->waiting = NULL;
		if (job->response->status == 200 && job->response->body) {
			sending->payload = take(job->response);
			sending->held.bytes = sending->payload->len;
			sending->held.drop = drop;
			if (held_add(call_helds(call), &sending->held))
				error_clear();
			call_trailer(call, "kymo-lost", waiting->state.lost);
			send_chunk(call);
		} else {
			call_end(call, GRPC_NOT_FOUND, "Session %s not found", waiting->state.id);
		}
	}
	job_free(job);
	if (sending)
		call_go_on(call);
}

static int hand_over(struct call *call, const struct sessions_state *state)
{
	struct sending *sending = calloc(1, sizeof(*sending));
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	struct job *job = calloc(1, sizeof(*job));
	int err = -ENOMEM;

	if (job) {
		job->route = &payload_route;
		job->request = calloc(1, sizeof(*job->request));
		job->response = calloc(1, sizeof(*job->response));
		job->done = on_written;
		job->context = waiting;
	}
	if (job && job->request && job->response && sending && waiting) {
		waiting->call = sending->call = call;
		waiting->state = *state;
		sending->waiting = waiting;
		job->request->parts = calloc(2, sizeof(char *));
		if (job->request->parts)
			job->request->parts[0] = strdup(state->id);
		if (job->request->parts && job->request->parts[0])
			err = pool_add(call_pool(call), job);
	}
	if (!err) {
		call_set_state(call, sending);
		return 0;
	}
	free(sending);
	if (job)
		job_free(job);
	else
		free(waiting);
	return err;
}

static void get_results(struct call *call, const uint8_t *bytes, size_t len)
{
	Profiler__GetProfilingResultsRequest *request =
		profiler__get_profiling_results_request__unpack(NULL, len, bytes);
	struct sessions_state state;
	int err;

	if (!request) {
		cannot_read(call);
		return;
	}
	err = sessions_find(call_api(call)->sessions, request->session_id, &state);
	if (err)
		call_end(call, GRPC_NOT_FOUND, "Session %s not found", request->session_id);
	profiler__get_profiling_results_request__free_unpacked(request, NULL);
	if (err)
		return;
	switch (state.stage) {
	case MEASUREMENT_DONE:
		if (hand_over(call, &state))
			call_end(call, GRPC_UNAVAILABLE, "too many questions are waiting already");
		return;
	case MEASUREMENT_FAILED:
		call_end(call, GRPC_INTERNAL, "Profiling failed: %s", state.why);
		return;
	case MEASUREMENT_CANCELLED:
		call_end(call, GRPC_INTERNAL, "Session completed but no results available");
		return;
	default:
		call_end(call, GRPC_OK, "%s", ""); /* clients ask again */
	}
}

static void get_status(struct call *call, const uint8_t *bytes, size_t len)
{
	Profiler__GetStatusRequest *request =
		profiler__get_status_request__unpack(NULL, len, bytes);
	Profiler__GetStatusResponse response = PROFILER__GET_STATUS_RESPONSE__INIT;
	struct measurements_totals totals;
	char why[256];

	if (!request) {
		cannot_read(call);
		return;
	}
	profiler__get_status_request__free_unpacked(request, NULL);
	sessions_totals(call_api(call)->sessions, &totals);
	response.healthy = answer_is_healthy(call_api(call), why, sizeof(why));
	response.version = (char *)KYMO_VERSION;
	response.active_sessions = (int32_t)totals.running;
	response.message = response.healthy ? (char *)"eBPF Profiler Service is running" : why;
	call_send(call, &response.base);
	call_end(call, GRPC_OK, "%s", "");
}

static void fill_session(Profiler__Session *one, const struct sessions_state *state)
{
	profiler__session__init(one);
	one->session_id = (char *)state->id;
	one->process_id = (int32_t)state->request.pid;
	one->duration_seconds = (int32_t)(state->request.duration_ns / NS_PER_S);
	one->frequency = (int32_t)state->request.rate_hz;
	one->state = (char *)measurement_stage_name(state->stage);
	one->message = (char *)state->why;
	one->samples = state->samples;
	one->lost = state->lost;
	one->started_unix_ns = (int64_t)state->at_unix_ns;
	one->expires_unix_ns = (int64_t)state->expires_unix_ns;
}

static void list_sessions(struct call *call, const uint8_t *bytes, size_t len)
{
	Profiler__ListSessionsRequest *request =
		profiler__list_sessions_request__unpack(NULL, len, bytes);
	Profiler__ListSessionsResponse response = PROFILER__LIST_SESSIONS_RESPONSE__INIT;
	own(freep) struct sessions_state *states = NULL;
	own(freep) Profiler__Session *list = NULL;
	own(freep) Profiler__Session **pointers = NULL;
	size_t count = 0;

	if (!request) {
		cannot_read(call);
		return;
	}
	profiler__list_sessions_request__free_unpacked(request, NULL);
	if (sessions_list(call_api(call)->sessions, &states, &count) == 0) {
		list = calloc(count + 1, sizeof(*list));
		pointers = calloc(count + 1, sizeof(*pointers));
	}
	if (!list || !pointers) {
		call_end(call, GRPC_UNAVAILABLE, "no memory");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		fill_session(&list[i], &states[i]);
		pointers[i] = &list[i];
	}
	response.n_sessions = count;
	response.sessions = pointers;
	call_send(call, &response.base);
	call_end(call, GRPC_OK, "%s", "");
}

static void cancel(struct call *call, const uint8_t *bytes, size_t len)
{
	Profiler__CancelSessionRequest *request =
		profiler__cancel_session_request__unpack(NULL, len, bytes);
	Profiler__CancelSessionResponse response = PROFILER__CANCEL_SESSION_RESPONSE__INIT;

	if (!request) {
		cannot_read(call);
		return;
	}
	if (sessions_cancel(call_api(call)->sessions, request->session_id)) {
		call_end(call, GRPC_NOT_FOUND, "Session %s not found", request->session_id);
	} else {
		call_send(call, &response.base);
		call_end(call, GRPC_OK, "%s", "");
	}
	profiler__cancel_session_request__free_unpacked(request, NULL);
}

const struct grpc_method grpc_profiler_methods[] = {
	{ .path = "/profiler.ProfilerService/StartProfiling", .message = start },
	{ .path = "/profiler.ProfilerService/GetProfilingResults",
	  .message = get_results,
	  .more = send_chunk,
	  .gone = gone },
	{ .path = "/profiler.ProfilerService/GetStatus", .message = get_status },
	{ .path = "/profiler.SessionService/ListSessions", .message = list_sessions },
	{ .path = "/profiler.SessionService/CancelSession", .message = cancel },
	{ 0 },
};
