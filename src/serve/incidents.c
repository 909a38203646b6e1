/* SPDX-License-Identifier: MIT */
#include "serve/incidents.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

static_assert(MEASUREMENT_ID_BYTES <= INCIDENT_SESSION, "the id of a session fits");

#define ALLOWANCE_S  600 /* for so long what is not used may be saved */
#define MIN_BLOCK_NS NS_PER_MS

/* One that goes on. */
struct going {
	struct incident_begin begin;
	struct incident_end end;
	uint64_t seq;
	const struct profile *profile; /* on its way into the store; NULL: it is not */
	struct session_result *result; /* whose it is */
	bool is_over;
};

struct incidents {
	struct incidents_request request;
	struct triggers *triggers;
	struct watched *watched;
	struct load load;
	struct going going[INCIDENTS_MAX_RUNNING];
	size_t going_count;
	uint64_t storing; /* whose profile is on its way: one at a time; 0: none */
	uint64_t ticked_mono_ns;
	int64_t allowance_ns; /* of CPU time for profiles; below 0: none is taken */
	struct incidents_status status;
};

static int64_t most_allowance(const struct config *config)
{
	return (int64_t)(config->budget.cpu_percent / 100 * ALLOWANCE_S * NS_PER_S);
}

int incidents_new(const struct incidents_request *request, struct incidents **ret)
{
	struct incidents *incidents = calloc(1, sizeof(*incidents));
	int err;

	if (!incidents)
		return -ENOMEM;
	incidents->request = *request;
	load_open(&incidents->load);
	incidents->allowance_ns = most_allowance(request->config);
	err = triggers_new(request->config, (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
			   &incidents->triggers);
	err = err ?: watched_new(request->config, request->timings, &incidents->watched);
	if (err) {
		incidents_free(incidents);
		return err;
	}
	*ret = incidents;
	return 0;
}

void incidents_free(struct incidents *incidents)
{
	if (!incidents)
		return;
	for (size_t i = 0; i < incidents->going_count; i++)
		sessions_return(incidents->request.sessions, incidents->going[i].result);
	triggers_free(incidents->triggers);
	watched_free(incidents->watched);
	load_close(&incidents->load);
	free(incidents);
}

void incidents_start(struct incidents *incidents)
{
	watched_start(incidents->watched);
}

struct triggers *incidents_triggers(struct incidents *incidents)
{
	return incidents->triggers;
}

bool incidents_due(const struct incidents *incidents)
{
	return incidents->request.config->triggers.enabled &&
	       clock_mono_ns() >= incidents->ticked_mono_ns + INCIDENTS_TICK_NS;
}

static int put(struct incidents *incidents, const struct record *record)
{
	struct record_target *target = incidents->request.target;

	target->unix_offset_ns = clock_unix_offset_ns();
	return store_sink.record(target, record);
}

/* A process alone where it is one that goes on, else the whole host; waits where they are what is wrong. */
static struct demand_request profile_of(const struct incidents *incidents,
					const struct incident_begin *begin)
{
	const struct config *config = incidents->request.config;
	bool is_process = begin->trigger == INCIDENT_PROCESS_CPU;
	bool has_waits = begin->trigger == INCIDENT_IO || begin->trigger == INCIDENT_LATENCY;

	return (struct demand_request){
		.pid = is_process ? begin->pid : 0,
		.rate_hz = (uint32_t)config->triggers.rate_hz,
		.duration_ns = config->triggers.profile_s * NS_PER_S,
		.time = has_waits ? PROFILE_LIVING : PROFILE_RUNNING,
		.min_block_ns = MIN_BLOCK_NS,
		.max_bytes = SESSIONS_MAX_RESULT_BYTES,
	};
}

/* Why there is no profile: said in `why`, with "" if there is one. */
static void start_profile(struct incidents *incidents, struct going *going)
{
	const struct config *config = incidents->request.config;
	struct demand_request wanted = profile_of(incidents, &going->begin);
	char *why = going->end.why;

	*why = '\0';
	if (incidents->allowance_ns < 0) {
		snprintf(why, INCIDENT_TEXT,
			 "profiles of incidents have used their budget of %.1f %% of a processor",
			 config->budget.cpu_percent);
	} else if (sessions_start_incident(incidents->request.sessions, &wanted,
					   going->begin.session)) {
		snprintf(why, INCIDENT_TEXT, "%s", error_text());
		error_clear();
	}
	if (*why) {
		going->begin.rate_hz = UINT32_MAX;
		going->end.state = INCIDENT_NO_PROFILE;
		going->is_over = true;
		incidents->status.without_profile++;
		return;
	}
	going->begin.rate_hz = wanted.rate_hz;
}

static int begin(struct incidents *incidents, const struct incident_begin *fired)
{
	struct going *going = &incidents->going[incidents->going_count++];
	struct record record;
	int err;

	*going = (struct going){ .begin = *fired };
	going->end = (struct incident_end){
		.peak = fired->value,
		.samples = UINT64_MAX,
		.lost = UINT64_MAX,
		.pid = fired->pid,
		.trigger = fired->trigger,
		.state = INCIDENT_DONE,
	};
	memcpy(going->end.comm, fired->comm, sizeof(fired->comm));
	going->begin.from_mono_ns =
		fired->at_mono_ns - incidents->request.config->triggers.before_s * NS_PER_S;
	start_profile(incidents, going);
	incidents->status.begun++;
	going->seq = going->end.incident = store_next_seq(incidents->request.store);
	log_put(incidents->request.log, "info", "incident %lu: %s", (unsigned long)going->seq,
		going->begin.what);
	record = incident_record_begin(&going->begin);
	err = put(incidents, &record);
	if (!err && store_next_seq(incidents->request.store) == going->seq) {
		/* It is not in the store, and another record will have its number. */
		if (!going->is_over &&
		    sessions_cancel(incidents->request.sessions, going->begin.session))
			error_clear();
		incidents->going_count--;
		incidents->status.missed++;
	}
	return err;
}

/* What else is measured meanwhile belongs to what goes on. */
static void note(struct going *going, const struct incident_begin *fired)
{
	char *also = going->end.also;
	size_t len = strlen(also);

	snprintf(also + len, INCIDENT_TEXT - len, "%s%s", len ? "; " : "", fired->what);
}

static bool is_single(const struct incident_begin *fired)
{
	return fired->trigger == INCIDENT_OOM || fired->trigger == INCIDENT_EXIT;
}

static int take_fired(struct incidents *incidents)
{
	struct incident_begin fired;
	int err = 0;

	while (!err && triggers_take(incidents->triggers, &fired)) {
		if (incidents->going_count && !is_single(&fired))
			note(&incidents->going[0], &fired);
		else if (incidents->going_count == INCIDENTS_MAX_RUNNING)
			incidents->status.missed++;
		else
			err = begin(incidents, &fired);
	}
	return err;
}

/* Some of the profile goes to the store; when it is there it is kept nowhere else. */
static int keep_profile(struct incidents *incidents, struct going *going)
{
	struct sessions *sessions = incidents->request.sessions;
	int err = store_add_incident(incidents->request.store, going->seq, going->profile);

	if (err == STORE_MORE)
		return 0;
	if (!err) {
		going->end.samples = going->profile->samples;
		going->end.lost = coverage_lost(&going->profile->coverage);
	} else if (err > 0) {
		snprintf(going->end.why, INCIDENT_TEXT, "the store could not be written");
		err = 0;
	}
	going->profile = NULL;
	sessions_return(sessions, take(going->result));
	if (sessions_cancel(sessions, going->begin.session))
		error_clear(); /* somebody was faster */
	malloc_trim(0);
	incidents->storing = 0;
	going->is_over = true;
	return err;
}

static void note_peak(struct incidents *incidents, struct going *going)
{
	uint64_t value = triggers_value(
		incidents->triggers, (enum incident_trigger)going->begin.trigger, going->begin.pid);

	if (value != UINT64_MAX && going->end.peak != UINT64_MAX && value > going->end.peak)
		going->end.peak = value;
}

/* Its session is over: how it went. */
static void take_session(struct incidents *incidents, struct going *going,
			 const struct sessions_state *state)
{
	incidents->allowance_ns -= (int64_t)state->cpu_ns;
	incidents->status.cpu_ns += state->cpu_ns;
	if (state->stage == MEASUREMENT_DONE &&
	    sessions_borrow(incidents->request.sessions, going->begin.session, &going->profile,
			    &going->result) == 0) {
		incidents->storing = going->seq;
		return;
	}
	going->is_over = true;
	if (state->stage == MEASUREMENT_FAILED)
		snprintf(going->end.why, INCIDENT_TEXT, "%s", state->why);
	else
		snprintf(going->end.why, INCIDENT_TEXT, "its session was cancelled");
}

static void say_missing(struct incidents *incidents, struct going *going)
{
	going->end.state = INCIDENT_NO_PROFILE;
	incidents->status.without_profile++;
}

/* Whether its session is over, and its profile in the store. */
static int look_at(struct incidents *incidents, struct going *going)
{
	struct sessions_state state = { .stage = MEASUREMENT_CANCELLED };
	int err = 0;

	note_peak(incidents, going);
	if (going->is_over)
		return 0;
	if (!going->profile) {
		if (incidents->storing || (sessions_find(incidents->request.sessions,
							 going->begin.session, &state) == 0 &&
					   state.stage < MEASUREMENT_DONE))
			return 0;
		take_session(incidents, going, &state);
	}
	if (going->profile)
		err = keep_profile(incidents, going);
	if (going->is_over && going->end.samples == UINT64_MAX)
		say_missing(incidents, going);
	return err;
}

bool incidents_are_stored(const struct incidents *incidents)
{
	return incidents->storing;
}

static int end(struct incidents *incidents, size_t number)
{
	struct going *going = &incidents->going[number];
	struct record record;
	int err;

	going->end.at_mono_ns = clock_mono_ns();
	record = incident_record_end(&going->end);
	err = put(incidents, &record);
	memmove(going, going + 1, (--incidents->going_count - number) * sizeof(*going));
	return err;
}

/* What is not used is saved, for some time. */
static void save(struct incidents *incidents, uint64_t passed_ns)
{
	const struct config *config = incidents->request.config;
	int64_t most = most_allowance(config);

	incidents->allowance_ns += (int64_t)(config->budget.cpu_percent / 100 * (double)passed_ns);
	if (incidents->allowance_ns > most)
		incidents->allowance_ns = most;
}

int incidents_turn(struct incidents *incidents, bool has_samples)
{
	uint64_t now = clock_mono_ns();
	struct load_sums sums = { 0 };
	struct watched_window window;
	int err = 0;

	if (incidents_due(incidents)) {
		if (incidents->ticked_mono_ns)
			save(incidents, now - incidents->ticked_mono_ns);
		incidents->ticked_mono_ns = now;
		load_read(&incidents->load, &sums);
		triggers_tick(incidents->triggers, now, &sums, has_samples);
		watched_read(incidents->watched, now, &window);
		triggers_latency(incidents->triggers, now, &window);
	}
	for (size_t i = incidents->going_count; !err && i-- > 0;) {
		err = look_at(incidents, &incidents->going[i]);
		if (!err && incidents->going[i].is_over)
			err = end(incidents, i);
	}
	return err ?: take_fired(incidents);
}

int incidents_end(struct incidents *incidents)
{
	int err = 0;

	for (size_t i = 0; i < incidents->going_count; i++)
		while (!err && incidents->going[i].profile)
			err = look_at(incidents, &incidents->going[i]);
	while (!err && incidents->going_count) {
		if (incidents->going[0].is_over) {
			err = end(incidents, 0);
			continue;
		}
		incidents->going[0].end.state = INCIDENT_CUT;
		snprintf(incidents->going[0].end.why, INCIDENT_TEXT, "kymo ended");
		err = end(incidents, 0);
	}
	return err;
}

void incidents_status(const struct incidents *incidents, struct incidents_status *ret_status)
{
	*ret_status = incidents->status;
	ret_status->running = incidents->going_count;
	ret_status->missed += triggers_missed(incidents->triggers);
	for (int i = 0; i < INCIDENT_TRIGGERS; i++)
		triggers_status(incidents->triggers, (enum incident_trigger)i,
				&ret_status->triggers[i]);
}
