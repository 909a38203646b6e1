/* SPDX-License-Identifier: MIT */
/* measurements.c - see measurements.h.  Everything but what a thread works on lies under one lock. */
#include "serve/measurements.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

const char *measurement_stage_name(enum measurement_stage stage)
{
	static const char *const names[MEASUREMENT_STAGE_COUNT] = {
		[MEASUREMENT_STARTING] = "starting",   [MEASUREMENT_RUNNING] = "running",
		[MEASUREMENT_NAMING] = "naming",       [MEASUREMENT_DONE] = "done",
		[MEASUREMENT_CANCELLED] = "cancelled", [MEASUREMENT_FAILED] = "failed",
	};

	return names[stage];
}

void measurements_init(struct measurements *all, const struct measurements_kind *kind,
		       const struct config *config, const struct log *log)
{
	*all = (struct measurements){ .kind = kind, .config = config, .log = log };
	pthread_mutex_init(&all->lock, NULL);
}

static void stop(struct measurement *one)
{
	uint64_t once = 1;

	(void)!write(one->stop, &once, sizeof(once));
}

void measurements_done(struct measurements *all)
{
	pthread_mutex_lock(&all->lock);
	all->is_ending = true;
	vec_each(one, &all->list) {
		if ((*one)->is_over)
			continue;
		(*one)->is_cancelled = true;
		stop(*one);
	}
	pthread_mutex_unlock(&all->lock);
	vec_each(one, &all->list)
		if ((*one)->has_thread)
			pthread_join((*one)->thread, NULL);
	vec_each(one, &all->list)
		all->kind->free(*one);
	vec_done(&all->list);
	pthread_mutex_destroy(&all->lock);
}

/* Out of the list.  Under the lock; it is over. */
static void forget(struct measurements *all, size_t number)
{
	struct measurement *one = all->list.data[number];

	memmove(all->list.data + number, all->list.data + number + 1,
		(--all->list.len - number) * sizeof(one));
	if (one->has_thread)
		pthread_join(one->thread, NULL); /* its last act was to say that it is over */
	one->has_thread = false;
	one->is_forgotten = true;
	all->totals.kept--;
	all->totals.kept_bytes -= one->bytes;
	if (!one->users)
		all->kind->free(one);
}

/* Nobody had the time to read it. */
static bool is_fresh(const struct measurement *one, uint64_t now)
{
	return one->stage == MEASUREMENT_DONE && !one->is_read &&
	       now < one->over_mono_ns + MEASUREMENTS_UNREAD_S * NS_PER_S;
}

/* Too old, too many, too large: the oldest that are over go.  Under the lock. */
static void expire(struct measurements *all)
{
	const struct config *config = all->config;
	uint64_t age_ns = config->profiler.result_max_age_s * NS_PER_S, now = clock_mono_ns();
	size_t before = all->list.len;

	if (all->is_ending) /* their threads still look at the list */
		return;
	for (size_t i = 0; i < all->list.len;) {
		struct measurement *one = all->list.data[i];

		bool is_large = all->totals.kept_bytes > config->profiler.result_max_bytes;

		if (one->is_over &&
		    (now > one->over_mono_ns + age_ns || all->totals.kept > MEASUREMENTS_MAX_KEPT ||
		     (is_large && one->bytes && !is_fresh(one, now))))
			forget(all, i);
		else
			i++;
	}
	all->totals.expired += before - all->list.len;
}

static uint64_t fresh_bytes(const struct measurements *all)
{
	uint64_t now = clock_mono_ns(), bytes = 0;

	vec_each(one, &all->list)
		if ((*one)->is_over && is_fresh(*one, now))
			bytes += (*one)->bytes;
	return bytes;
}

/* Under the lock. */
static void end(struct measurement *one, int err)
{
	struct measurements *all = one->all;

	if (err) {
		one->stage = MEASUREMENT_FAILED;
		snprintf(one->why, sizeof(one->why), "%s%s%s",
			 *error_text() ? error_text() : strerror(-err), *error_hint() ? "; " : "",
			 error_hint());
		all->totals.failed++;
	} else if (one->is_cancelled) {
		one->stage = MEASUREMENT_CANCELLED;
		all->totals.cancelled++;
	} else {
		one->stage = MEASUREMENT_DONE;
	}
	one->is_over = true;
	one->over_mono_ns = clock_mono_ns();
	one->expires_unix_ns = clock_unix_ns() + all->config->profiler.result_max_age_s * NS_PER_S;
	all->totals.running--;
	all->totals.of_incidents -= one->is_of_incident;
	all->totals.kept++;
	all->totals.kept_bytes += one->bytes;
}

static void *run(void *context)
{
	struct measurement *one = context;
	struct measurements *all = one->all;
	int err = all->kind->run(one);

	one->cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
	malloc_trim(0); /* tables of names are large, and needed no more */
	pthread_mutex_lock(&all->lock);
	end(one, err);
	log_put(all->log, "info", "%s %s is over: %s", all->kind->noun, one->id,
		err ? one->why : measurement_stage_name(one->stage));
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

static int make_id(char *id)
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return fail(-errno, "cannot get random numbers: %m");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(id, MEASUREMENT_ID_BYTES,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return 0;
}

int measurement_init(struct measurement *one)
{
	one->at_unix_ns = clock_unix_ns();
	one->at_mono_ns = clock_mono_ns();
	one->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (one->stop < 0)
		return fail(-errno, "cannot make an eventfd: %m");
	return make_id(one->id);
}

void measurement_done(struct measurement *one)
{
	fd_closep(&one->stop);
}

static int start_thread(struct measurement *one)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&one->thread, NULL, run, one);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	one->has_thread = !err;
	return err ? fail(err, "cannot start a thread: %m") : 0;
}

/* Whether one more may run.  Under the lock. */
static int admit(struct measurements *all, const struct measurement *one)
{
	uint64_t most = all->config->profiler.max_concurrent_sessions;
	int err;

	if (one->is_of_incident)
		return 0;
	if (all->totals.running - all->totals.of_incidents >= most) {
		all->totals.refused++;
		err = fail(-EBUSY, "Maximum concurrent %ss reached (%lu)", all->kind->noun,
			   (unsigned long)most);
		hint("wait until one is over, cancel one, or raise max_concurrent_sessions in [profiler]");
		return err;
	}
	if (fresh_bytes(all) > all->config->profiler.result_max_bytes) {
		all->totals.refused++;
		err = fail(-EBUSY, "Results that nobody has read yet take all of result_max_bytes");
		hint("read or forget them, or raise result_max_bytes in [profiler]");
		return err;
	}
	return 0;
}

/* Under the lock. */
static int add(struct measurements *all, struct measurement *one)
{
	int err = admit(all, one);

	one->all = all;
	err = err ?: vec_push(&all->list, one);
	if (err)
		return err;
	err = start_thread(one);
	if (err) {
		all->list.len--;
		return err;
	}
	all->totals.running++;
	all->totals.of_incidents += one->is_of_incident;
	all->totals.started++;
	return 0;
}

int measurements_start(struct measurements *all, struct measurement *one, char *ret_id)
{
	int err;

	if (!all->config->ebpf.enabled)
		return fail(-EPERM, "enabled = false in [ebpf]: nothing is measured on demand");
	memcpy(ret_id, one->id, MEASUREMENT_ID_BYTES);
	measurements_lock(all);
	err = add(all, one);
	measurements_unlock(all);
	return err;
}

bool measurement_refused(int err, struct response *response)
{
	char text[512], remedy[256];

	if (err != -ESRCH && err != -EBUSY && err != -EPERM)
		return false;
	snprintf(text, sizeof(text), "%s", error_text());
	snprintf(remedy, sizeof(remedy), "%s", error_hint());
	error_clear();
	response_problem(response,
			 err == -ESRCH   ? 404
			 : err == -EPERM ? 403
					 : 429,
			 remedy, "%s", text);
	return true;
}

void measurements_lock(struct measurements *all)
{
	pthread_mutex_lock(&all->lock);
	expire(all);
}

void measurements_unlock(struct measurements *all)
{
	pthread_mutex_unlock(&all->lock);
}

/* Its place in the list, or the list's length.  Under the lock. */
static size_t place_of(const struct measurements *all, const char *id)
{
	size_t i = 0;

	while (i < all->list.len && strcmp(all->list.data[i]->id, id) != 0)
		i++;
	return i;
}

struct measurement *measurements_find(struct measurements *all, const char *id)
{
	size_t place = place_of(all, id);

	return place < all->list.len ? all->list.data[place] : NULL;
}

int measurements_cancel(struct measurements *all, const char *id)
{
	size_t place;
	int err = -ENOENT;

	pthread_mutex_lock(&all->lock);
	place = place_of(all, id);
	if (place < all->list.len) {
		struct measurement *one = all->list.data[place];

		if (one->is_over) {
			forget(all, place);
		} else {
			one->is_cancelled = true;
			stop(one);
		}
		err = 0;
	}
	pthread_mutex_unlock(&all->lock);
	return err;
}

int measurements_stop(struct measurements *all, const char *id)
{
	struct measurement *one;

	pthread_mutex_lock(&all->lock);
	one = measurements_find(all, id);
	if (one && !one->is_over)
		stop(one);
	pthread_mutex_unlock(&all->lock);
	return one ? 0 : -ENOENT;
}

struct measurement *measurements_borrow(struct measurements *all, const char *id)
{
	struct measurement *one;

	measurements_lock(all);
	one = measurements_find(all, id);
	if (one) {
		one->users++;
		one->is_read |= one->is_over;
	}
	measurements_unlock(all);
	return one;
}

void measurements_return(struct measurements *all, struct measurement *one)
{
	if (!one)
		return;
	pthread_mutex_lock(&all->lock);
	if (--one->users == 0 && one->is_forgotten)
		all->kind->free(one);
	pthread_mutex_unlock(&all->lock);
}

void measurements_tick(struct measurements *all)
{
	measurements_lock(all);
	measurements_unlock(all);
}

void measurements_totals(struct measurements *all, struct measurements_totals *ret_totals)
{
	pthread_mutex_lock(&all->lock);
	*ret_totals = all->totals;
	pthread_mutex_unlock(&all->lock);
}
