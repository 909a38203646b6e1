/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "serve/ingest_parts.h"

#define COVER_MAX_NS (60 * NS_PER_S) /* of one turn of the loop; longer is another clock */

bool ingest_is_on(const struct ingest *ingest, const char *name)
{
	for (size_t i = 0; host_part(ingest->host, i); i++)
		if (strcmp(host_part(ingest->host, i)->name, name) == 0)
			return host_part(ingest->host, i)->state == HOST_ON;
	return false;
}

static bool is_wanted(const struct config *config, const struct host_part *part)
{
	bool on = strcmp(part->name, "profile") == 0 ? config->profile.enabled
		  : strcmp(part->name, "waits") == 0 ? config->waits.enabled
						     : part->by_default;

	vec_each(one, &config->switches)
		if (strcmp(one->name, part->name) == 0)
			on = one->on;
	return on;
}

bool ingest_wants(const struct ingest *ingest, const struct config *config, const char *name)
{
	for (size_t i = 0; host_part(ingest->host, i); i++)
		if (strcmp(host_part(ingest->host, i)->name, name) == 0)
			return is_wanted(config, host_part(ingest->host, i));
	return false;
}

static int open_store(struct ingest *ingest)
{
	const struct config *config = ingest->config;
	struct store_options options = {
		.path = config->store.path,
		.max_bytes = config->store.max_bytes,
		.max_age_ns = config->store.max_age_s * NS_PER_S,
		.min_free_bytes = config->store.min_free_bytes,
		.max_incidents = config->triggers.max_incidents,
	};
	int err = file_make_folder(config->store.path);

	return err ?: store_open(&options, ingest->views.data, ingest->views.len, &ingest->store);
}

static int make_views(struct ingest *ingest)
{
	size_t count;
	const struct record_view *views = host_views(ingest->host, &count);
	int err = life_init(&ingest->life, views, count);

	for (size_t i = 0; !err && i < count; i++)
		err = vec_push(&ingest->views, views[i]);
	err = err ?: vec_push(&ingest->views, ingest->life.view);
	err = err ?: vec_push(&ingest->views, incident_view);
	return err ?: vec_push(&ingest->views, incident_whole_view);
}

static void on_record(void *context, const struct record *record)
{
	const struct ingest *ingest = context;

	triggers_hear(incidents_triggers(ingest->incidents), record);
}

static int make_incidents(struct ingest *ingest, struct sessions *sessions, struct timings *timings)
{
	struct incidents_request request = {
		.config = ingest->config,
		.log = ingest->log,
		.sessions = sessions,
		.timings = timings,
		.store = ingest->store,
		.target = host_target(ingest->host),
	};

	return incidents_new(&request, &ingest->incidents);
}

/* What an older dashboard shows of disks; it costs one more row in a table of the kernel. */
static const struct knob_value knobs[] = { { "disk", "ranges", 1 } };

int ingest_new(const struct config *config, const struct log *log, struct sessions *sessions,
	       struct timings *timings, struct ingest **ret_ingest)
{
	struct ingest *ingest = calloc(1, sizeof(*ingest));
	struct host_request request = {
		.interval_ns = config->tables.interval_s * NS_PER_S,
		.rate_hz = (uint32_t)config->profile.rate_hz,
		.min_wait_ns = config->waits.min_ms * NS_PER_MS,
		.slice_ns = config->profile.slice_s * NS_PER_S,
		.sink = &store_sink,
		.knobs = knobs,
		.knob_count = array_len(knobs),
		.heard = on_record,
		.context = ingest,
	};
	int err;

	if (!ingest)
		return -ENOMEM;
	ingest->config = config;
	ingest->log = log;
	pthread_mutex_init(&ingest->lock, NULL);
	ingest->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ingest->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	census_init(&ingest->census);
	err = ingest->wake < 0 || ingest->notify < 0 ? fail(-errno, "cannot make an eventfd: %m")
						     : 0;
	err = err ?: host_new(&request, &ingest->host);
	err = err ?: make_views(ingest);
	err = err ?: open_store(ingest);
	err = err ?: make_incidents(ingest, sessions, timings);
	if (err) {
		ingest_free(ingest);
		return err;
	}
	host_target(ingest->host)->state = ingest->store;
	ingest->next.rate_hz = config->profile.rate_hz;
	ingest->next.min_wait_ms = config->waits.min_ms;
	for (size_t i = 0; host_part(ingest->host, i) && i < INGEST_MAX_PARTS; i++)
		ingest->next.parts[i].is_wanted = is_wanted(config, host_part(ingest->host, i));
	*ret_ingest = ingest;
	return 0;
}

const struct record_view *ingest_views(const struct ingest *ingest, size_t *ret_count)
{
	*ret_count = ingest->views.len;
	return ingest->views.data;
}

int ingest_descriptor(const struct ingest *ingest)
{
	return ingest->notify;
}

/* What a collector does not measure on this kernel. */
static void join_lacks(const struct host_part *part, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	vec_each(what, &part->coverage.not_measured)
		if (len < size)
			len += (size_t)snprintf(text + len, size - len, "%s%s", len ? "; " : "",
						*what);
}

static int publish(struct ingest *ingest, uint64_t now)
{
	struct ingest_status *status = &ingest->next;
	int err;

	status->turned_mono_ns = now;
	status->unix_offset_ns = clock_unix_offset_ns();
	status->part_count = 0;
	for (size_t i = 0; i < INGEST_MAX_PARTS; i++) {
		const struct host_part *part = host_part(ingest->host, i);
		struct ingest_part *copy = &status->parts[i];

		if (!part)
			break;
		snprintf(copy->name, sizeof(copy->name), "%s", part->name);
		snprintf(copy->why, sizeof(copy->why), "%s", part->why);
		join_lacks(part, copy->lacks, sizeof(copy->lacks));
		copy->state = part->state;
		copy->records = part->records;
		copy->lost = part->lost;
		status->part_count++;
	}
	store_state(ingest->store, &status->store);
	incidents_status(ingest->incidents, &status->incidents);
	status->unseen_ends = ingest->census.ends;
	pthread_mutex_lock(&ingest->lock);
	ingest->status = *status;
	err = store_copy_totals(ingest->store, &ingest->totals);
	pthread_mutex_unlock(&ingest->lock);
	ingest->said_ns = now;
	return err;
}

/* Which collectors were on since the last call: where none was, nothing was counted. */
static int cover(struct ingest *ingest)
{
	uint64_t now = clock_unix_ns(), from = ingest->covered_unix_ns;
	int err = 0;

	ingest->covered_unix_ns = now;
	/* A clock that was set covers nothing. */
	if (!from || now <= from || now - from > COVER_MAX_NS)
		return 0;
	for (size_t i = 0; !err && host_part(ingest->host, i); i++)
		if (host_part(ingest->host, i)->state == HOST_ON)
			err = store_cover(ingest->store, host_part(ingest->host, i)->name, from,
					  now);
	return err;
}

void ingest_status(struct ingest *ingest, struct ingest_status *ret_status)
{
	pthread_mutex_lock(&ingest->lock);
	*ret_status = ingest->status;
	pthread_mutex_unlock(&ingest->lock);
}

int ingest_totals(struct ingest *ingest, struct rollup_totals *totals)
{
	int err;

	pthread_mutex_lock(&ingest->lock);
	err = rollup_totals_copy(&ingest->totals, totals);
	pthread_mutex_unlock(&ingest->lock);
	return err;
}

static void wake(struct ingest *ingest)
{
	uint64_t one = 1;

	(void)!write(ingest->wake, &one, sizeof(one));
}

int ingest_switch(struct ingest *ingest, const char *name, bool on)
{
	struct command command = { .on = on };
	int err = -ENOENT;

	for (size_t i = 0; err && host_part(ingest->host, i); i++)
		if (strcmp(host_part(ingest->host, i)->name, name) == 0)
			err = 0;
	if (err)
		return err;
	snprintf(command.name, sizeof(command.name), "%s", name);
	pthread_mutex_lock(&ingest->lock);
	err = ingest->commands.len < INGEST_MAX_COMMANDS ? vec_push(&ingest->commands, command)
							 : -EAGAIN;
	pthread_mutex_unlock(&ingest->lock);
	wake(ingest);
	return err;
}

static bool is_recording(const char *name)
{
	return strcmp(name, "profile") == 0 || strcmp(name, "waits") == 0;
}

static void log_part(struct ingest *ingest, size_t number, bool on)
{
	const struct host_part *part = host_part(ingest->host, number);

	ingest->next.parts[number].is_wanted = on;
	if (part->state == HOST_FAILED && on)
		log_put(ingest->log, "warn", "collector %s does not work: %s", part->name,
			part->why);
	else
		log_put(ingest->log, "debug", "collector %s is %s", part->name, on ? "on" : "off");
}

static int switch_part(struct ingest *ingest, const char *name, bool on)
{
	/* Either part begins the recording anew. */
	bool is_renewed = is_recording(name) && on != ingest_is_on(ingest, name);
	int err = is_renewed ? ingest_end_slice(ingest, true) : 0;

	err = err ?: host_switch(ingest->host, name, on);
	ingest->switches++;
	if (is_renewed) {
		ingest->is_new_profile = true;
		ingest_begin_slice(ingest);
	}
	for (size_t i = 0; i < INGEST_MAX_PARTS && host_part(ingest->host, i); i++)
		if (strcmp(host_part(ingest->host, i)->name, name) == 0)
			log_part(ingest, i, on);
	return err;
}

/* Return: whether to go on. */
static bool take_commands(struct ingest *ingest, int *ret_err)
{
	bool must_stop;
	uint64_t count;

	(void)!read(ingest->wake, &count, sizeof(count));
	pthread_mutex_lock(&ingest->lock);
	must_stop = ingest->must_stop;
	while (ingest->commands.len && !must_stop && !*ret_err) {
		struct command command = ingest->commands.data[0];

		memmove(ingest->commands.data, ingest->commands.data + 1,
			--ingest->commands.len * sizeof(command));
		pthread_mutex_unlock(&ingest->lock);
		*ret_err = switch_part(ingest, command.name, command.on);
		pthread_mutex_lock(&ingest->lock);
	}
	pthread_mutex_unlock(&ingest->lock);
	return !must_stop;
}

static void tell_committed(struct ingest *ingest)
{
	struct store_state state;
	uint64_t one = 1;

	store_state(ingest->store, &state);
	if (state.committed_seq == ingest->said_seq)
		return;
	ingest->said_seq = state.committed_seq;
	(void)!write(ingest->notify, &one, sizeof(one));
}

static int watch_triggers(struct ingest *ingest)
{
	int has_samples = incidents_due(ingest->incidents)
				  ? host_each_busy(ingest->host, ingest_busy, ingest)
				  : 0;

	return has_samples < 0 ? has_samples : incidents_turn(ingest->incidents, has_samples);
}

/* Of processes some records may be missing that were lost, not written, or of a time without collector. */
static int look_for_ends(struct ingest *ingest)
{
	uint64_t missing =
		ingest_part_lost(ingest, "process") + ingest->next.store.lost + ingest->switches;

	return census_turn(&ingest->census, ingest->store, missing);
}

static int turn(struct ingest *ingest)
{
	uint64_t now;
	int err = host_drain(ingest->host, false);

	now = clock_mono_ns();
	err = err ?: watch_triggers(ingest);
	err = err ?: look_for_ends(ingest);
	if (!err && now >= ingest->slice_due_ns)
		err = ingest_end_slice(ingest, false);
	if (!err && now >= ingest->said_ns + NS_PER_S)
		err = cover(ingest);
	store_tick(ingest->store, false);
	err = err ?: ingest_keep_budget(ingest, now);
	if (!err && now >= ingest->said_ns + NS_PER_S)
		err = publish(ingest, now);
	tell_committed(ingest);
	return err;
}

static bool wants(const struct ingest *ingest, const char *name)
{
	for (size_t i = 0; i < INGEST_MAX_PARTS && host_part(ingest->host, i); i++)
		if (strcmp(host_part(ingest->host, i)->name, name) == 0)
			return ingest->next.parts[i].is_wanted;
	return false;
}

static int switch_on(struct ingest *ingest)
{
	int err = 0;

	for (size_t i = 0; !err && i < INGEST_MAX_PARTS && host_part(ingest->host, i); i++)
		if (ingest->next.parts[i].is_wanted &&
		    !is_recording(host_part(ingest->host, i)->name))
			err = switch_part(ingest, host_part(ingest->host, i)->name, true);
	err = err
		      ?: host_switch_recording(ingest->host, wants(ingest, "profile"),
					       wants(ingest, "waits"));
	for (size_t i = 0; !err && i < INGEST_MAX_PARTS && host_part(ingest->host, i); i++)
		if (is_recording(host_part(ingest->host, i)->name))
			log_part(ingest, i, ingest->next.parts[i].is_wanted);
	ingest->next.is_started = true;
	ingest_begin_slice(ingest);
	/* Loading is over; what it needed is given back. */
	malloc_trim(0);
	ingest_begin_window(ingest);
	ingest->covered_unix_ns = clock_unix_ns();
	return err ?: publish(ingest, clock_mono_ns());
}

static void *run(void *context)
{
	struct ingest *ingest = context;
	int err;

	incidents_start(ingest->incidents);
	err = switch_on(ingest);

	while (!err) {
		host_wait(ingest->host, ingest->wake,
			  incidents_are_stored(ingest->incidents) ? NS_PER_MS : INGEST_DRAIN_NS);
		if (!take_commands(ingest, &err))
			break;
		err = err ?: turn(ingest);
	}
	if (err) {
		log_put(ingest->log, "error", "recording ended: %s",
			*error_text() ? error_text() : strerror(-err));
		ingest->next.has_ended = true;
		(void)!publish(ingest, clock_mono_ns());
	}
	err = host_drain(ingest->host, true);
	err = err ?: ingest_end_slice(ingest, true);
	err = err ?: cover(ingest);
	err = err ?: incidents_end(ingest->incidents);
	if (err)
		log_put(ingest->log, "error", "the last records: %s", strerror(-err));
	store_tick(ingest->store, true);
	return NULL;
}

int ingest_start(struct ingest *ingest)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&ingest->thread, NULL, run, ingest);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ingest->is_running = !err;
	return err ? fail(-err, "cannot start a thread: %m") : 0;
}

void ingest_free(struct ingest *ingest)
{
	if (!ingest)
		return;
	if (ingest->is_running) {
		pthread_mutex_lock(&ingest->lock);
		ingest->must_stop = true;
		pthread_mutex_unlock(&ingest->lock);
		wake(ingest);
		pthread_join(ingest->thread, NULL);
	}
	incidents_free(ingest->incidents);
	census_done(&ingest->census);
	store_close(ingest->store);
	host_free(ingest->host);
	vec_done(&ingest->views);
	life_done(&ingest->life);
	fd_closep(&ingest->wake);
	fd_closep(&ingest->notify);
	vec_done(&ingest->commands);
	vec_done(&ingest->waits.list);
	vec_done(&ingest->long_waits);
	rollup_totals_done(&ingest->totals);
	pthread_mutex_destroy(&ingest->lock);
	free(ingest);
}
