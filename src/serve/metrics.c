/* SPDX-License-Identifier: MIT */
/* metrics.c - /metrics: how the daemon is, as Prometheus reads it (text format 0.0.4).
 *
 * Base units.  Of the daemon itself the only labels are the collector and the trigger; what is counted of the records has labels
 * of small vocabularies (store/rollup.h), never PIDs or ports.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "serve/answers.h"
#include "serve/held.h"
#include "serve/http.h"
#include "serve/visits.h"

static void put_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_number(FILE *out, const char *name, const char *type, const char *help,
		       double number)
{
	put_head(out, name, type, help);
	fprintf(out, "%s %.17g\n", name, number);
}

static void put_parts(FILE *out, const struct ingest_status *status)
{
	put_head(out, "kymo_collector_wanted", "gauge", "Whether a collector should be on.");
	for (size_t i = 0; i < status->part_count; i++)
		fprintf(out, "kymo_collector_wanted{collector=\"%s\"} %d\n", status->parts[i].name,
			status->parts[i].is_wanted);
	put_head(out, "kymo_collector_up", "gauge", "Whether a collector is attached.");
	for (size_t i = 0; i < status->part_count; i++)
		fprintf(out, "kymo_collector_up{collector=\"%s\"} %d\n", status->parts[i].name,
			status->parts[i].state == HOST_ON);
	put_head(out, "kymo_records_total", "counter", "Records, or samples, that were recorded.");
	for (size_t i = 0; i < status->part_count; i++)
		fprintf(out, "kymo_records_total{collector=\"%s\"} %" PRIu64 "\n",
			status->parts[i].name, status->parts[i].records);
	put_head(out, "kymo_records_lost_total", "counter", "Records, or samples, that were lost.");
	for (size_t i = 0; i < status->part_count; i++)
		fprintf(out, "kymo_records_lost_total{collector=\"%s\"} %" PRIu64 "\n",
			status->parts[i].name, status->parts[i].lost);
}

static void put_store(FILE *out, const struct store_state *store)
{
	put_number(out, "kymo_store_writable", "gauge", "Whether the store can be written.",
		   !store->is_failing);
	put_number(out, "kymo_store_bytes", "gauge", "Size of what is in the store.",
		   (double)store->bytes);
	put_number(out, "kymo_store_rows_total", "counter", "Rows that were written.",
		   (double)store->rows);
	put_number(out, "kymo_store_rows_lost_total", "counter", "Rows that could not be written.",
		   (double)store->lost);
	put_number(out, "kymo_store_rows_deleted_total", "counter",
		   "Rows that were deleted as too old or too many.", (double)store->deleted);
	put_number(out, "kymo_store_folded_total", "counter",
		   "Counts of names for which there was no series of their own.",
		   (double)store->folded);
	if (store->oldest_unix_ns && store->oldest_unix_ns != UINT64_MAX)
		put_number(out, "kymo_store_oldest_timestamp_seconds", "gauge",
			   "When the oldest row happened.", (double)store->oldest_unix_ns / 1e9);
}

static void put_sessions(FILE *out, const struct api *api)
{
	struct measurements_totals totals;

	sessions_totals(api->sessions, &totals);
	put_number(out, "kymo_sessions_running", "gauge", "Profiles on demand that run now.",
		   (double)totals.running);
	put_number(out, "kymo_session_results_bytes", "gauge", "Size of results that are kept.",
		   (double)totals.kept_bytes);
	put_number(out, "kymo_sessions_started_total", "counter", "Profiles on demand.",
		   (double)totals.started);
	put_number(out, "kymo_sessions_refused_total", "counter",
		   "Profiles on demand that were one too many.", (double)totals.refused);
	put_number(out, "kymo_sessions_failed_total", "counter",
		   "Profiles on demand that did not work.", (double)totals.failed);
	put_number(out, "kymo_sessions_expired_total", "counter",
		   "Profiles on demand whose results are gone.", (double)totals.expired);
}

/* "_bucket", "_sum" and "_count" of one series. */
static void put_histogram(FILE *out, const char *name, const struct rollup_total *total)
{
	const char *comma = *total->labels ? "," : "";
	uint64_t below[ROLLUP_BOUNDS];

	rollup_below(total->buckets, below);
	for (size_t i = 0; i < ROLLUP_BOUNDS; i++)
		fprintf(out, "%s_bucket{%s%sle=\"%.12g\"} %" PRIu64 "\n", name, total->labels,
			comma, (double)rollup_bound(i) / 1e9, below[i]);
	fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, total->labels, comma,
		total->count);
	fprintf(out, "%s_sum{%s} %.17g\n", name, total->labels, (double)total->sum / 1e9);
	fprintf(out, "%s_count{%s} %" PRIu64 "\n", name, total->labels, total->count);
}

static void put_total(FILE *out, const struct rollup_metric *metric,
		      const struct rollup_total *total)
{
	if (metric->shape == ROLLUP_HISTOGRAM)
		put_histogram(out, metric->name, total);
	else if (metric->unit == UNIT_NS)
		fprintf(out, "%s{%s} %.17g\n", metric->name, total->labels,
			(double)total->sum / 1e9);
	else
		fprintf(out, "%s{%s} %" PRIu64 "\n", metric->name, total->labels, total->sum);
}

/* What was counted of the records; a metric that nothing was counted of yet is left out. */
static int put_totals(FILE *out, const struct api *api)
{
	struct rollup_totals totals = { 0 };
	int err = ingest_totals(api->ingest, &totals);

	for (int i = 0; !err && rollup_metrics[i].name; i++) {
		const struct rollup_metric *metric = &rollup_metrics[i];
		bool has_head = false;

		vec_each(total, &totals.list) {
			if (total->metric != i || !total->count)
				continue;
			if (!has_head)
				put_head(out, metric->name,
					 metric->shape == ROLLUP_HISTOGRAM ? "histogram"
									   : "counter",
					 metric->help);
			has_head = true;
			put_total(out, metric, total);
		}
	}
	rollup_totals_done(&totals);
	return err;
}

static void put_incidents(FILE *out, const struct incidents_status *incidents)
{
	put_head(out, "kymo_trigger_on", "gauge", "Whether a trigger may fire.");
	for (int i = 0; i < INCIDENT_TRIGGERS; i++)
		fprintf(out, "kymo_trigger_on{trigger=\"%s\"} %d\n", incident_triggers[i],
			incidents->triggers[i].is_on && !incidents->triggers[i].lacks);
	put_head(out, "kymo_trigger_fired_total", "counter", "How often a trigger has fired.");
	for (int i = 0; i < INCIDENT_TRIGGERS; i++)
		fprintf(out, "kymo_trigger_fired_total{trigger=\"%s\"} %" PRIu64 "\n",
			incident_triggers[i], incidents->triggers[i].fired);
	put_number(out, "kymo_incidents_running", "gauge", "Incidents that go on.",
		   (double)incidents->running);
	put_number(out, "kymo_incidents_total", "counter", "Incidents that began.",
		   (double)incidents->begun);
	put_number(out, "kymo_incidents_without_profile_total", "counter",
		   "Incidents of which no profile was taken.", (double)incidents->without_profile);
	put_number(out, "kymo_incidents_missed_total", "counter",
		   "Triggers that fired while too many incidents went on.",
		   (double)incidents->missed);
	put_number(out, "kymo_incident_profiles_cpu_seconds_total", "counter",
		   "CPU time that profiles of incidents took.", (double)incidents->cpu_ns / 1e9);
}

static void put_clients(FILE *out, const struct entrances *entrances)
{
	struct visits_totals visits;
	const struct held_totals *held = &entrances->helds->totals;

	http_totals(entrances->http, &visits);
	put_number(out, "kymo_http_connections", "gauge", "Clients that are connected.",
		   (double)visits.open);
	put_number(out, "kymo_http_slow_requests_total", "counter",
		   "Connections that were cut as their request did not arrive in time.",
		   (double)visits.slow_requests);
	put_number(out, "kymo_http_slow_answers_total", "counter",
		   "Connections that were cut as their answer was not taken in time.",
		   (double)visits.slow_answers);
	put_number(out, "kymo_http_displaced_total", "counter",
		   "Silent connections that made room for others.", (double)visits.displaced);
	put_number(out, "kymo_answers_waiting_bytes", "gauge",
		   "Answers that clients have yet to take.", (double)held->bytes);
	put_number(out, "kymo_answers_dropped_total", "counter",
		   "Answers that were dropped as too many waited.", (double)held->dropped);
}

static void put_cost(FILE *out, const struct api *api, const struct ingest_status *status)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	put_number(out, "process_cpu_seconds_total", "counter", "CPU time of kymo.",
		   (double)clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
	put_number(out, "process_start_time_seconds", "gauge", "When kymo began.",
		   (double)api->started_unix_ns / 1e9);
	put_number(out, "kymo_peak_resident_memory_bytes", "gauge", "Memory of kymo at its peak.",
		   (double)usage.ru_maxrss * 1024);
	put_number(out, "kymo_recording_cpu_ratio", "gauge",
		   "Share of one processor that recording took in the last ten seconds.",
		   status->cpu_percent / 100);
	put_number(out, "kymo_profile_rate_hertz", "gauge",
		   "How often each processor is sampled now.", (double)status->rate_hz);
}

int answer_metrics(struct api *api, const struct request *request, struct response *response)
{
	struct ingest_status status;
	int err;
	FILE *out = response_open(response, 200, "text/plain; version=0.0.4; charset=utf-8");

	(void)request;
	if (!out)
		return -ENOMEM;
	ingest_status(api->ingest, &status);
	put_head(out, "kymo_build_info", "gauge", "Which kymo this is.");
	fprintf(out, "kymo_build_info{version=\"%s\"} 1\n", KYMO_VERSION);
	put_parts(out, &status);
	put_store(out, &status.store);
	put_sessions(out, api);
	put_incidents(out, &status.incidents);
	put_clients(out, api->entrances);
	put_cost(out, api, &status);
	err = put_totals(out, api);
	return response_close(response, out) ?: err;
}
