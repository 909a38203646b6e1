/* SPDX-License-Identifier: MIT */
#include "serve/sessions.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "session/ahead.h"

/* One that is being sampled, or was. */
struct session_result {
	struct measurement one; /* the first member */
	struct demand_request request;
	enum demand_end end;
	uint64_t setup_ns, first_ns, samples, lost;
	bool was_ahead;
	struct profile *profile; /* MEASUREMENT_DONE; never changed again */
};

struct sessions {
	struct measurements all; /* the first member */
	struct ahead *ahead;     /* NULL: nothing is measured on demand */
	bool has_begun;          /* the daemon: what watches all the time comes first */
};

static struct session_result *result_of(struct measurement *one)
{
	return (struct session_result *)one;
}

static void result_free(struct measurement *one)
{
	struct session_result *result = result_of(one);

	profile_free(result->profile);
	measurement_done(one);
	free(result);
}

static void on_progress(void *context, const struct demand_progress *progress)
{
	static const enum measurement_stage stages[] = {
		[DEMAND_STARTING] = MEASUREMENT_STARTING,
		[DEMAND_RUNNING] = MEASUREMENT_RUNNING,
		[DEMAND_NAMING] = MEASUREMENT_NAMING,
	};
	struct session_result *result = context;

	measurements_lock(result->one.all);
	result->one.stage = stages[progress->stage];
	result->samples = progress->samples;
	result->lost = progress->lost;
	result->was_ahead = progress->was_ahead;
	if (progress->began_mono_ns)
		result->setup_ns = progress->began_mono_ns - result->one.at_mono_ns;
	if (progress->first_mono_ns)
		result->first_ns = progress->first_mono_ns - result->one.at_mono_ns;
	measurements_unlock(result->one.all);
}

static int run(struct measurement *one)
{
	struct session_result *result = result_of(one);
	struct demand demand = {
		.request = &result->request,
		.stop = one->stop,
		.ahead = ((struct sessions *)one->all)->ahead,
		.progress = on_progress,
		.context = result,
	};
	struct profile *profile = NULL;
	enum demand_end why = DEMAND_DURATION;
	int err = demand_run(&demand, &profile, &why);

	measurements_lock(one->all);
	if (!err && !one->is_cancelled) {
		result->end = why;
		result->samples = profile->samples;
		result->lost = coverage_lost(&profile->coverage);
		result->profile = profile;
		one->bytes = demand_bytes(profile);
		profile = NULL;
	}
	measurements_unlock(one->all);
	profile_free(profile);
	return err;
}

static const struct measurements_kind kind = { "session", run, result_free };

int sessions_new(const struct config *config, const struct log *log, struct sessions **ret_sessions)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));
	int err;

	if (!sessions)
		return -ENOMEM;
	measurements_init(&sessions->all, &kind, config, log);
	err = config->ebpf.enabled ? ahead_new(&sessions->ahead) : 0;
	if (err) {
		sessions_free(sessions);
		return err;
	}
	*ret_sessions = sessions;
	return 0;
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	measurements_done(&sessions->all);
	ahead_free(sessions->ahead);
	free(sessions);
}

static int start(struct sessions *sessions, const struct demand_request *request,
		 bool is_of_incident, char *ret_id)
{
	struct session_result *result;
	int err;

	if (request->pid && !demand_exists(request->pid))
		return fail(-ESRCH, "Process %u not found", request->pid);
	result = calloc(1, sizeof(*result));
	if (!result)
		return -ENOMEM;
	result->request = *request;
	result->one.is_of_incident = is_of_incident;
	err = measurement_init(&result->one);
	err = err ?: measurements_start(&sessions->all, &result->one, ret_id);
	if (err)
		result_free(&result->one);
	return err;
}

int sessions_start(struct sessions *sessions, const struct demand_request *request, char *ret_id)
{
	return start(sessions, request, false, ret_id);
}

int sessions_start_incident(struct sessions *sessions, const struct demand_request *request,
			    char *ret_id)
{
	return start(sessions, request, true, ret_id);
}

/* Under the lock. */
static void tell(const struct session_result *result, struct sessions_state *ret_state)
{
	const struct measurement *one = &result->one;

	*ret_state = (struct sessions_state){
		.request = result->request,
		.stage = one->stage,
		.end = result->end,
		.at_unix_ns = one->at_unix_ns,
		.setup_ns = result->setup_ns,
		.first_ns = result->first_ns,
		.was_ahead = result->was_ahead,
		.samples = result->samples,
		.lost = result->lost,
		.bytes = one->bytes,
		.cpu_ns = one->cpu_ns,
		.is_of_incident = one->is_of_incident,
		.expires_unix_ns = one->expires_unix_ns,
	};
	memcpy(ret_state->id, one->id, sizeof(ret_state->id));
	memcpy(ret_state->why, one->why, sizeof(ret_state->why));
}

int sessions_find(struct sessions *sessions, const char *id, struct sessions_state *ret_state)
{
	struct measurement *one;

	measurements_lock(&sessions->all);
	one = measurements_find(&sessions->all, id);
	if (one)
		tell(result_of(one), ret_state);
	measurements_unlock(&sessions->all);
	return one ? 0 : -ENOENT;
}

int sessions_list(struct sessions *sessions, struct sessions_state **ret_states, size_t *ret_count)
{
	struct sessions_state *states;
	size_t count;

	measurements_lock(&sessions->all);
	count = sessions->all.list.len;
	states = calloc(count + 1, sizeof(*states));
	for (size_t i = 0; states && i < count; i++)
		tell(result_of(sessions->all.list.data[count - 1 - i]), &states[i]);
	measurements_unlock(&sessions->all);
	if (!states)
		return -ENOMEM;
	*ret_states = states;
	*ret_count = count;
	return 0;
}

int sessions_cancel(struct sessions *sessions, const char *id)
{
	return measurements_cancel(&sessions->all, id);
}

int sessions_borrow(struct sessions *sessions, const char *id, const struct profile **ret_profile,
		    struct session_result **ret_result)
{
	struct measurement *one = measurements_borrow(&sessions->all, id);
	bool is_done;

	if (!one)
		return -ENOENT;
	measurements_lock(&sessions->all);
	is_done = one->stage == MEASUREMENT_DONE;
	measurements_unlock(&sessions->all);
	if (!is_done) {
		measurements_return(&sessions->all, one);
		return -ENOENT;
	}
	*ret_profile = result_of(one)->profile;
	*ret_result = result_of(one);
	return 0;
}

void sessions_return(struct sessions *sessions, struct session_result *result)
{
	if (result)
		measurements_return(&sessions->all, &result->one);
}

void sessions_tick(struct sessions *sessions)
{
	measurements_tick(&sessions->all);
	if (!sessions->has_begun)
		ahead_want(sessions->ahead);
	sessions->has_begun = true;
}

bool sessions_is_ahead(struct sessions *sessions)
{
	return ahead_is_ready(sessions->ahead);
}

void sessions_totals(struct sessions *sessions, struct measurements_totals *ret_totals)
{
	measurements_totals(&sessions->all, ret_totals);
}
