/* SPDX-License-Identifier: MIT */
/* status.c - whether the daemon is well, and what each part of it does. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_read.h"
#include "serve/answers.h"
#include "serve/grpc.h"
#include "serve/held.h"
#include "serve/http.h"
#include "serve/visits.h"

int answer_healthz(struct api *api, const struct request *request, struct response *response)
{
	FILE *out = response_open(response, 200, "application/json");

	(void)api;
	(void)request;
	if (!out)
		return -ENOMEM;
	fputs("{\"status\":\"ok\"}\n", out);
	return response_close(response, out);
}

/* Why the daemon does not record what it should. */
struct reasons {
	char text[INGEST_MAX_PARTS + 3][400];
	size_t count;
};

static void add(struct reasons *reasons, const char *what, const char *name, const char *why)
{
	snprintf(reasons->text[reasons->count++], sizeof(reasons->text[0]), "%s%s%s%s", what, name,
		 *why ? ": " : "", why);
}

static void find_reasons(const struct ingest_status *status, struct reasons *reasons)
{
	uint64_t turned = status->turned_mono_ns;

	reasons->count = 0;
	if (!status->is_started)
		add(reasons, "the collectors are being attached", "", "");
	for (size_t i = 0; status->is_started && i < status->part_count; i++) {
		const struct ingest_part *part = &status->parts[i];

		if (part->is_wanted && part->state != HOST_ON)
			add(reasons, "collector ", part->name, part->why);
	}
	if (status->store.is_failing)
		add(reasons, "store", "", status->store.why);
	if (status->has_ended || (turned && clock_mono_ns() > turned + INGEST_STUCK_NS))
		add(reasons, "recording has stopped", "", "");
}

static void put_reasons(struct json *json, const struct reasons *reasons)
{
	json_array(json, "reasons");
	for (size_t i = 0; i < reasons->count; i++)
		json_text(json, NULL, reasons->text[i]);
	json_array_end(json);
}

bool answer_is_healthy(const struct api *api, char *why, size_t size)
{
	struct ingest_status status;

	*why = '\0';
	ingest_status(api->ingest, &status);
	if (!status.is_started)
		snprintf(why, size, "starting");
	else if (status.has_ended)
		snprintf(why, size, "recording ended");
	/* The continuous profile samples as sessions do: where it does not work, they do not either. */
	for (size_t i = 0; !*why && i < status.part_count; i++)
		if (strcmp(status.parts[i].name, "profile") == 0 &&
		    status.parts[i].state == HOST_FAILED)
			snprintf(why, size, "%s", status.parts[i].why);
	return !*why;
}

int answer_health(struct api *api, struct response *response, const char *good, const char *bad,
		  const char *service)
{
	struct ingest_status status;
	struct reasons reasons;
	struct json json;
	FILE *out;

	ingest_status(api->ingest, &status);
	find_reasons(&status, &reasons);
	out = response_open_object(response, reasons.count ? 503 : 200, &json);
	if (!out)
		return -ENOMEM;
	json_text(&json, "status", reasons.count ? bad : good);
	if (service)
		json_text(&json, "service", service);
	if (reasons.count)
		put_reasons(&json, &reasons);
	return response_close_object(response, &json, out);
}

int answer_readyz(struct api *api, const struct request *request, struct response *response)
{
	(void)request;
	return answer_health(api, response, "ready", "not ready", NULL);
}

static const char *state_name(const struct ingest_part *part)
{
	return part->state == HOST_ON ? "on" : part->state == HOST_FAILED ? "failed" : "off";
}

static void put_parts(struct json *json, const struct ingest_status *status)
{
	json_array(json, "collectors");
	for (size_t i = 0; i < status->part_count; i++) {
		const struct ingest_part *part = &status->parts[i];

		json_object(json, NULL);
		json_text(json, "name", part->name);
		json_text(json, "state", state_name(part));
		json_bool(json, "wanted", part->is_wanted);
		if (*part->why)
			json_text(json, "why", part->why);
		if (*part->lacks)
			json_text(json, "not_measured", part->lacks);
		json_u64(json, "records", part->records);
		json_u64(json, "lost", part->lost);
		json_object_end(json);
	}
	json_array_end(json);
}

/* A number that may be above 2^53. */
static void put_large(struct json *json, const char *key, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", (unsigned long)number);
	json_text(json, key, text);
}

static void put_store(struct json *json, const struct api *api, const struct store_state *store)
{
	json_object(json, "store");
	json_text(json, "path", api->config->store.path);
	json_bool(json, "writable", !store->is_failing);
	if (store->is_failing)
		json_text(json, "why", store->why);
	put_large(json, "bytes", store->bytes);
	put_large(json, "max_bytes", api->config->store.max_bytes);
	json_u64(json, "max_age_s", api->config->store.max_age_s);
	put_large(json, "oldest_unix_ns", store->oldest_unix_ns);
	put_large(json, "committed_seq", store->committed_seq);
	put_large(json, "rows", store->rows);
	put_large(json, "lost", store->lost);
	put_large(json, "deleted", store->deleted);
	put_large(json, "folded", store->folded);
	json_object_end(json);
}

/* Resident memory now, in bytes. */
static uint64_t resident_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss * 1024;
}

static void put_totals(struct json *json, const struct api *api,
		       const struct measurements_totals *totals)
{
	json_u64(json, "running", totals->running);
	json_u64(json, "max_concurrent", api->config->profiler.max_concurrent_sessions);
	json_u64(json, "kept", totals->kept);
	put_large(json, "kept_bytes", totals->kept_bytes);
	json_u64(json, "started", totals->started);
	json_u64(json, "refused", totals->refused);
	json_u64(json, "failed", totals->failed);
	json_u64(json, "cancelled", totals->cancelled);
	json_u64(json, "expired", totals->expired);
}

/* What is measured on demand. */
static void put_sessions(struct json *json, const struct api *api)
{
	struct measurements_totals totals;

	sessions_totals(api->sessions, &totals);
	json_object(json, "sessions");
	put_totals(json, api, &totals);
	json_bool(json, "loaded_ahead", sessions_is_ahead(api->sessions));
	json_object_end(json);
	measurements_totals(&api->timings->all, &totals);
	json_object(json, "latency");
	put_totals(json, api, &totals);
	json_object_end(json);
}

static void put_trigger(struct json *json, const char *name, const struct trigger_status *trigger)
{
	uint64_t now = clock_mono_ns();

	json_object(json, NULL);
	json_text(json, "name", name);
	json_text(json, "state", !trigger->is_on ? "off" : trigger->lacks ? "not measured" : "on");
	if (trigger->is_on && trigger->lacks)
		json_text(json, "why", trigger->lacks);
	if (trigger->is_on && trigger->has_value)
		json_u64(json, "value", trigger->value);
	json_u64(json, "fired", trigger->fired);
	if (trigger->fired_unix_ns)
		put_large(json, "fired_unix_ns", trigger->fired_unix_ns);
	if (trigger->quiet_until_mono_ns > now)
		json_u64(json, "quiet_s", (trigger->quiet_until_mono_ns - now) / NS_PER_S + 1);
	json_object_end(json);
}

static void put_incidents(struct json *json, const struct api *api,
			  const struct incidents_status *incidents)
{
	json_object(json, "incidents");
	json_u64(json, "running", incidents->running);
	json_u64(json, "begun", incidents->begun);
	json_u64(json, "without_profile", incidents->without_profile);
	json_u64(json, "missed", incidents->missed);
	json_u64(json, "max_kept", api->config->triggers.max_incidents);
	put_large(json, "profiles_cpu_ns", incidents->cpu_ns);
	json_object_end(json);
	json_array(json, "triggers");
	for (int i = 0; i < INCIDENT_TRIGGERS; i++)
		put_trigger(json, incident_triggers[i], &incidents->triggers[i]);
	json_array_end(json);
}

static void put_http(struct json *json, const struct api *api)
{
	struct visits_totals totals;

	http_totals(api->entrances->http, &totals);
	json_object(json, "http");
	json_u64(json, "connections", totals.open);
	json_u64(json, "max_connections", api->config->http.max_connections);
	json_u64(json, "slow_requests", totals.slow_requests);
	json_u64(json, "slow_answers", totals.slow_answers);
	json_u64(json, "displaced", totals.displaced);
	json_object_end(json);
	json_object(json, "waiting");
	json_u64(json, "answers", api->entrances->helds->totals.count);
	put_large(json, "bytes", api->entrances->helds->totals.bytes);
	put_large(json, "max_bytes", api->config->http.max_waiting_bytes);
	json_u64(json, "dropped", api->entrances->helds->totals.dropped);
	json_object_end(json);
}

static void put_grpc(struct json *json, const struct api *api)
{
	struct grpc_totals totals;

	if (!api->entrances->grpc)
		return;
	grpc_totals(api->entrances->grpc, &totals);
	json_object(json, "grpc");
	json_text(json, "address", api->config->server.bind_address);
	json_u64(json, "port", api->entrances->grpc_port);
	json_bool(json, "tls", *api->config->grpc_tls.cert_file);
	json_u64(json, "connections", totals.connections);
	json_u64(json, "calls_running", totals.calls);
	json_u64(json, "calls", totals.started);
	json_u64(json, "failed", totals.failed);
	json_u64(json, "late", totals.late);
	json_u64(json, "without_token", totals.refused);
	json_u64(json, "cut", totals.cut);
	json_object_end(json);
}

static void put_cost(struct json *json, const struct api *api, const struct ingest_status *status)
{
	json_object(json, "cost");
	json_double(json, "recording_cpu_percent", status->cpu_percent);
	put_large(json, "cpu_ns", clock_read_ns(CLOCK_PROCESS_CPUTIME_ID));
	put_large(json, "peak_rss_bytes", resident_bytes());
	json_u64(json, "profile_rate_hz", status->rate_hz);
	json_u64(json, "profile_slice_s", api->config->profile.slice_s);
	json_u64(json, "waits_min_ms", status->min_wait_ms);
	if (*status->budget)
		json_text(json, "lowered", status->budget);
	json_object_end(json);
}

int answer_status(struct api *api, const struct request *request, struct response *response)
{
	struct ingest_status status;
	struct reasons reasons;
	struct json json;
	FILE *out = response_open(response, 200, "application/json");

	(void)request;
	if (!out)
		return -ENOMEM;
	ingest_status(api->ingest, &status);
	find_reasons(&status, &reasons);
	json_begin(&json, out, true);
	json_object(&json, NULL);
	json_text(&json, "version", KYMO_VERSION);
	put_large(&json, "started_unix_ns", api->started_unix_ns);
	put_large(&json, "now_unix_ns", clock_unix_ns());
	put_large(&json, "clock_offset_ns", status.unix_offset_ns);
	put_reasons(&json, &reasons);
	put_parts(&json, &status);
	put_store(&json, api, &status.store);
	json_u64(&json, "unseen_ends", status.unseen_ends);
	put_sessions(&json, api);
	put_incidents(&json, api, &status.incidents);
	put_http(&json, api);
	put_grpc(&json, api);
	put_cost(&json, api, &status);
	json_object_end(&json);
	putc('\n', out);
	return response_close(response, out);
}

const struct body_key switch_body[] = {
	{ "on", "whether it should run", "boolean", true },
	{ 0 },
};

/* {"on": true} */
static int read_on(const struct request *request, bool *ret_on)
{
	struct json_reader reader;

	json_read_begin(&reader, request->body ?: "", request->body_len);
	if (json_read(&reader) == JSON_OBJECT && json_read(&reader) == JSON_KEY &&
	    json_read_is(&reader, "on")) {
		enum json_token token = json_read(&reader);

		if (token == JSON_TRUE || token == JSON_FALSE) {
			*ret_on = token == JSON_TRUE;
			return 0;
		}
	}
	return fail(-EINVAL, "the body should be {\"on\": true} or {\"on\": false}");
}

int answer_switch(struct api *api, const struct request *request, struct response *response)
{
	bool on = false;
	FILE *out;
	int err = read_on(request, &on);

	err = err ?: ingest_switch(api->ingest, request->parts[0], on);
	if (err == -ENOENT)
		return fail(err, "there is no collector '%s'", request->parts[0]);
	if (err)
		return err;
	out = response_open(response, 202, "application/json");
	if (!out)
		return -ENOMEM;
	fprintf(out, "{\"accepted\":true}\n");
	return response_close(response, out);
}
