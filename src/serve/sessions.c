/* SPDX-License-Identifier: MIT */
/* sessions.c - see sessions.h.  Everything but what a thread samples lies under one lock. */
#include "serve/sessions.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/error.h"

/* One that is being sampled, or was. */
struct session_result {
	struct sessions *sessions;
	struct sessions_state state;
	uint64_t at_mono_ns, over_mono_ns;
	struct profile *profile; /* SESSIONS_DONE; never changed again */
	unsigned users;          /* who has it borrowed */
	bool is_read;            /* somebody had */
	bool is_forgotten;       /* no longer in the list; the last user frees it */
	bool is_cancelled;
	bool has_thread, is_over;
	pthread_t thread;
	int stop;
};

struct sessions {
	const struct config *config;
	const struct log *log;
	pthread_mutex_t lock;
	vec(struct session_result *) list; /* the oldest first */
	struct sessions_totals totals;
};

const char *sessions_stage_name(enum sessions_stage stage)
{
	static const char *const names[SESSIONS_STAGE_COUNT] = {
		[SESSIONS_STARTING] = "starting",   [SESSIONS_RUNNING] = "running",
		[SESSIONS_NAMING] = "naming",       [SESSIONS_DONE] = "done",
		[SESSIONS_CANCELLED] = "cancelled", [SESSIONS_FAILED] = "failed",
	};

	return names[stage];
}

static void result_free(struct session_result *result)
{
	profile_free(result->profile);
	fd_closep(&result->stop);
	free(result);
}

int sessions_new(const struct config *config, const struct log *log, struct sessions **ret_sessions)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return -ENOMEM;
	sessions->config = config;
	sessions->log = log;
	pthread_mutex_init(&sessions->lock, NULL);
	*ret_sessions = sessions;
	return 0;
}

static void stop(struct session_result *result)
{
	uint64_t one = 1;

	result->is_cancelled = true;
	(void)!write(result->stop, &one, sizeof(one));
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	pthread_mutex_lock(&sessions->lock);
	vec_each(result, &sessions->list)
		if (!(*result)->is_over)
			stop(*result);
	pthread_mutex_unlock(&sessions->lock);
	vec_each(result, &sessions->list) {
		if ((*result)->has_thread)
			pthread_join((*result)->thread, NULL);
		result_free(*result);
	}
	vec_done(&sessions->list);
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

/* Out of the list.  Under the lock; it is over. */
static void forget(struct sessions *sessions, size_t number)
{
	struct session_result *result = sessions->list.data[number];

	memmove(sessions->list.data + number, sessions->list.data + number + 1,
		(--sessions->list.len - number) * sizeof(result));
	if (result->has_thread)
		pthread_join(result->thread, NULL); /* its last act was to say that it is over */
	result->has_thread = false;
	result->is_forgotten = true;
	sessions->totals.kept--;
	sessions->totals.kept_bytes -= result->state.bytes;
	if (!result->users)
		result_free(result);
}

/* Nobody had the time to read it. */
static bool is_fresh(const struct session_result *result, uint64_t now)
{
	return result->profile && !result->is_read &&
	       now < result->over_mono_ns + SESSIONS_UNREAD_S * NS_PER_S;
}

/* Too old, too many, too large: the oldest that are over go.  Under the lock. */
static void expire(struct sessions *sessions)
{
	const struct config *config = sessions->config;
	uint64_t age_ns = config->profiler.result_max_age_s * NS_PER_S, now = clock_mono_ns();
	size_t before = sessions->list.len;

	for (size_t i = 0; i < sessions->list.len;) {
		struct session_result *result = sessions->list.data[i];
		bool is_large = sessions->totals.kept_bytes > config->profiler.result_max_bytes;

		if (result->is_over &&
		    (now > result->over_mono_ns + age_ns ||
		     sessions->totals.kept > SESSIONS_MAX_KEPT ||
		     (is_large && result->state.bytes && !is_fresh(result, now))))
			forget(sessions, i);
		else
			i++;
	}
	sessions->totals.expired += before - sessions->list.len;
}

static uint64_t fresh_bytes(const struct sessions *sessions)
{
	uint64_t now = clock_mono_ns(), bytes = 0;

	vec_each(result, &sessions->list)
		if ((*result)->is_over && is_fresh(*result, now))
			bytes += (*result)->state.bytes;
	return bytes;
}

static void on_progress(void *context, const struct demand_progress *progress)
{
	static const enum sessions_stage stages[] = {
		[DEMAND_STARTING] = SESSIONS_STARTING,
		[DEMAND_RUNNING] = SESSIONS_RUNNING,
		[DEMAND_NAMING] = SESSIONS_NAMING,
	};
	struct session_result *result = context;
	struct sessions_state *state = &result->state;

	pthread_mutex_lock(&result->sessions->lock);
	state->stage = stages[progress->stage];
	state->samples = progress->samples;
	state->lost = progress->lost;
	if (progress->began_mono_ns)
		state->setup_ns = progress->began_mono_ns - result->at_mono_ns;
	if (progress->first_mono_ns)
		state->first_ns = progress->first_mono_ns - result->at_mono_ns;
	pthread_mutex_unlock(&result->sessions->lock);
}

/* Under the lock. */
static void end(struct session_result *result, int err, struct profile *profile)
{
	struct sessions *sessions = result->sessions;
	struct sessions_state *state = &result->state;

	if (err) {
		state->stage = SESSIONS_FAILED;
		snprintf(state->why, sizeof(state->why), "%s%s%s",
			 *error_text() ? error_text() : strerror(-err), *error_hint() ? "; " : "",
			 error_hint());
		sessions->totals.failed++;
	} else if (result->is_cancelled) {
		state->stage = SESSIONS_CANCELLED;
		sessions->totals.cancelled++;
	} else {
		state->stage = SESSIONS_DONE;
		state->samples = profile->samples;
		state->lost = coverage_lost(&profile->coverage);
		state->bytes = demand_bytes(profile);
		result->profile = take(profile);
	}
	profile_free(profile);
	result->is_over = true;
	result->over_mono_ns = clock_mono_ns();
	state->expires_unix_ns =
		clock_unix_ns() + sessions->config->profiler.result_max_age_s * NS_PER_S;
	sessions->totals.running--;
	sessions->totals.kept++;
	sessions->totals.kept_bytes += state->bytes;
}

static void *run(void *context)
{
	struct session_result *result = context;
	struct sessions *sessions = result->sessions;
	struct demand demand = { &result->state.request, result->stop, on_progress, result };
	struct profile *profile = NULL;
	enum demand_end why = DEMAND_DURATION;
	int err = demand_run(&demand, &profile, &why);

	malloc_trim(0); /* tables of names are large, and needed no more */
	pthread_mutex_lock(&sessions->lock);
	result->state.end = why;
	end(result, err, profile);
	log_put(sessions->log, "info", "session %s is over: %s", result->state.id,
		err                    ? result->state.why
		: result->is_cancelled ? "cancelled"
				       : "done");
	pthread_mutex_unlock(&sessions->lock);
	return NULL;
}

static int make_id(char *id)
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return fail(-errno, "cannot get random numbers: %m");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(id, SESSIONS_ID_BYTES,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return 0;
}

static int new_result(struct sessions *sessions, const struct demand_request *request,
		      struct session_result **ret_result)
{
	struct session_result *result = calloc(1, sizeof(*result));
	int err;

	if (!result)
		return -ENOMEM;
	result->sessions = sessions;
	result->state.request = *request;
	result->state.at_unix_ns = clock_unix_ns();
	result->at_mono_ns = clock_mono_ns();
	result->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = result->stop < 0 ? fail(-errno, "cannot make an eventfd: %m") : 0;
	err = err ?: make_id(result->state.id);
	if (err)
		result_free(result);
	else
		*ret_result = result;
	return err;
}

static int start_thread(struct session_result *result)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&result->thread, NULL, run, result);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	result->has_thread = !err;
	return err ? fail(err, "cannot start a thread: %m") : 0;
}

/* Under the lock. */
static int add(struct sessions *sessions, struct session_result *result)
{
	uint64_t most = sessions->config->profiler.max_concurrent_sessions;
	int err;

	if (sessions->totals.running >= most) {
		sessions->totals.refused++;
		err = fail(-EBUSY, "Maximum concurrent sessions reached (%lu)",
			   (unsigned long)most);
		hint("wait until one is over, cancel one, or raise max_concurrent_sessions in [profiler]");
		return err;
	}
	if (fresh_bytes(sessions) > sessions->config->profiler.result_max_bytes) {
		sessions->totals.refused++;
		err = fail(-EBUSY, "Results that nobody has read yet take all of result_max_bytes");
		hint("read or forget them, or raise result_max_bytes in [profiler]");
		return err;
	}
	err = vec_push(&sessions->list, result);
	if (err)
		return err;
	err = start_thread(result);
	if (err) {
		sessions->list.len--;
		return err;
	}
	sessions->totals.running++;
	sessions->totals.started++;
	return 0;
}

int sessions_start(struct sessions *sessions, const struct demand_request *request, char *ret_id)
{
	struct session_result *result = NULL;
	int err = 0;

	if (!sessions->config->ebpf.enabled)
		return fail(-EPERM, "enabled = false in [ebpf]: no profiles on demand");
	if (request->pid && !demand_exists(request->pid))
		return fail(-ESRCH, "Process %u not found", request->pid);
	err = new_result(sessions, request, &result);
	if (err)
		return err;
	memcpy(ret_id, result->state.id, SESSIONS_ID_BYTES);
	pthread_mutex_lock(&sessions->lock);
	expire(sessions);
	err = add(sessions, result);
	pthread_mutex_unlock(&sessions->lock);
	if (err)
		result_free(result);
	return err;
}

/* Its place in the list, or the list's length.  Under the lock. */
static size_t place_of(const struct sessions *sessions, const char *id)
{
	size_t i = 0;

	while (i < sessions->list.len && strcmp(sessions->list.data[i]->state.id, id) != 0)
		i++;
	return i;
}

int sessions_find(struct sessions *sessions, const char *id, struct sessions_state *ret_state)
{
	size_t place;
	int err = -ENOENT;

	pthread_mutex_lock(&sessions->lock);
	expire(sessions);
	place = place_of(sessions, id);
	if (place < sessions->list.len) {
		*ret_state = sessions->list.data[place]->state;
		err = 0;
	}
	pthread_mutex_unlock(&sessions->lock);
	return err;
}

int sessions_list(struct sessions *sessions, struct sessions_state **ret_states, size_t *ret_count)
{
	struct sessions_state *states;
	size_t count;

	pthread_mutex_lock(&sessions->lock);
	expire(sessions);
	count = sessions->list.len;
	states = calloc(count + 1, sizeof(*states));
	for (size_t i = 0; states && i < count; i++)
		states[i] = sessions->list.data[count - 1 - i]->state;
	pthread_mutex_unlock(&sessions->lock);
	if (!states)
		return -ENOMEM;
	*ret_states = states;
	*ret_count = count;
	return 0;
}

int sessions_cancel(struct sessions *sessions, const char *id)
{
	size_t place;
	int err = -ENOENT;

	pthread_mutex_lock(&sessions->lock);
	place = place_of(sessions, id);
	if (place < sessions->list.len) {
		if (sessions->list.data[place]->is_over)
			forget(sessions, place);
		else
			stop(sessions->list.data[place]);
		err = 0;
	}
	pthread_mutex_unlock(&sessions->lock);
	return err;
}

int sessions_borrow(struct sessions *sessions, const char *id, const struct profile **ret_profile,
		    struct session_result **ret_result)
{
	size_t place;
	int err = -ENOENT;

	pthread_mutex_lock(&sessions->lock);
	expire(sessions);
	place = place_of(sessions, id);
	if (place < sessions->list.len && sessions->list.data[place]->profile) {
		struct session_result *result = sessions->list.data[place];

		result->users++;
		result->is_read = true;
		*ret_profile = result->profile;
		*ret_result = result;
		err = 0;
	}
	pthread_mutex_unlock(&sessions->lock);
	return err;
}

void sessions_return(struct sessions *sessions, struct session_result *result)
{
	if (!result)
		return;
	pthread_mutex_lock(&sessions->lock);
	if (--result->users == 0 && result->is_forgotten)
		result_free(result);
	pthread_mutex_unlock(&sessions->lock);
}

void sessions_tick(struct sessions *sessions)
{
	pthread_mutex_lock(&sessions->lock);
	expire(sessions);
	pthread_mutex_unlock(&sessions->lock);
}

void sessions_totals(struct sessions *sessions, struct sessions_totals *ret_totals)
{
	pthread_mutex_lock(&sessions->lock);
	*ret_totals = sessions->totals;
	pthread_mutex_unlock(&sessions->lock);
}
