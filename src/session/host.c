/* SPDX-License-Identifier: MIT */
#include "session/host.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/cgroup.h"
#include "probe/reason.wire.h"
#include "session/busy.h"
#include "session/recording.h"
#include "session/views.h"

#define TABLE_BYTES (4u << 20) /* of names of functions */

struct watched {
	struct host_part part;
	const struct collector *chosen[2]; /* closed by NULL */
	struct engine_request request;
	struct engine *engine;
};

struct host {
	struct host_request request;
	struct views views;
	struct record_target target;
	struct cgroup_names *names;
	vec(struct watched) list;
	struct host_part profile, waits;
	struct recording_request recording_request;
	struct recording *recording; /* NULL: none */
	uint64_t opened_mono_ns;     /* the recording */
	bool is_finished;            /* it: nothing is sampled any more */
	bool must_renew;             /* it has grown too large */
	struct busy busy;            /* since it began, or since the slice did */
};

static const char *cgroup_path(void *context, uint64_t id)
{
	return cgroup_names_path(context, id);
}

static int add_collector(struct host *host, const struct collector *collector, uint32_t hierarchy)
{
	struct watched one = {
		.part = {
			.name = collector->name,
			.help = collector->help,
			.by_default = collector->by_default,
		},
		.request = {
			.filter = { .hierarchy = hierarchy },
			.interval_ns = host->request.interval_ns,
			.knobs = host->request.knobs,
			.knob_count = host->request.knob_count,
			.names = host->names,
			.all_or_none = true,
			.standing = true, /* who was there before us */
		},
	};

	one.chosen[0] = collector;
	return vec_push(&host->list, one);
}

int host_new(const struct host_request *request, struct host **ret_host)
{
	struct host *host = calloc(1, sizeof(*host));
	uint32_t hierarchy = cgroup_choose();
	int err;

	if (!host)
		return -ENOMEM;
	host->request = *request;
	host->target = request->target;
	host->target.interval_ns = request->interval_ns;
	err = cgroup_names_new(hierarchy, &host->names);
	host->target.cgroup_path = cgroup_path;
	host->target.context = host->names;
	for (const struct collector *const *one = collectors; !err && *one; one++)
		err = add_collector(host, *one, hierarchy);
	err = err ?: views_of_host(&host->views);
	host->target.views = host->views.list.data;
	host->target.view_count = host->views.list.len;
	host->profile = (struct host_part){
		.name = "profile",
		.help = "stacks of what the CPUs execute, sampled",
		.by_default = true,
	};
	host->waits = (struct host_part){
		.name = "waits",
		.help = "stacks of threads that wait, with how long and for what",
		.by_default = true,
	};
	host->recording_request = (struct recording_request){
		.cpu = {
			.kind = TARGET_HOST,
			.rate_hz = request->rate_hz,
			.min_block_ns = request->min_wait_ns,
			.want_user = true,
			.want_kernel = true,
			.every_sample = true,
		},
		.naming = { .no_inline = true, .table_bytes = TABLE_BYTES },
	};
	if (err) {
		host_free(host);
		return err;
	}
	*ret_host = host;
	return 0;
}

void host_free(struct host *host)
{
	if (!host)
		return;
	vec_each(one, &host->list) {
		engine_close(one->engine);
		coverage_done(&one->part.coverage);
	}
	vec_done(&host->list);
	recording_free(host->recording);
	busy_done(&host->busy);
	coverage_done(&host->profile.coverage);
	coverage_done(&host->waits.coverage);
	cgroup_names_free(host->names);
	views_done(&host->views);
	free(host);
}

const struct record_view *host_views(const struct host *host, size_t *ret_count)
{
	*ret_count = host->views.list.len;
	return host->views.list.data;
}

struct record_target *host_target(struct host *host)
{
	return &host->target;
}

const struct host_part *host_part(const struct host *host, size_t number)
{
	if (number < host->list.len)
		return &host->list.data[number].part;
	return number == host->list.len       ? &host->waits
	       : number == host->list.len + 1 ? &host->profile
					      : NULL;
}

/* What does not work here is a state and no error; want of memory is one. */
static int part_failed(struct host_part *part, int err)
{
	if (err == -ENOMEM)
		return err;
	part->state = HOST_FAILED;
	snprintf(part->why, sizeof(part->why), "%s", *error_text() ? error_text() : strerror(-err));
	error_clear();
	return 0;
}

static int write_batch(struct host *host, struct watched *one, const struct records_batch *batch)
{
	const struct record_sink *sink = host->request.sink;
	int err = 0;

	host->target.unix_offset_ns = batch->unix_offset_ns;
	for (size_t i = 0; !err && i < batch->entries.len; i++) {
		struct record record = records_at(batch, i);

		err = sink->record(&host->target, &record);
		if (host->request.heard)
			host->request.heard(host->request.context, &record);
	}
	one->part.records += batch->entries.len;
	vec_each(loss, &batch->losses) {
		one->part.lost += loss->count;
		if (!err && sink->loss)
			err = sink->loss(&host->target, loss);
	}
	return err;
}

static int drain_one(struct host *host, struct watched *one, bool is_last)
{
	const struct records_batch *batch;
	int err;

	do {
		err = engine_drain(one->engine, is_last, &batch);
		if (err) {
			err = part_failed(&one->part, err);
			engine_close(one->engine);
			one->engine = NULL;
			return err;
		}
		err = write_batch(host, one, batch);
	} while (!err && engine_more(one->engine));
	return err;
}

static int stop_one(struct host *host, struct watched *one)
{
	int err = 0;

	if (one->engine) {
		engine_stop(one->engine);
		err = drain_one(host, one, true);
	}
	engine_close(one->engine);
	one->engine = NULL;
	if (one->part.state == HOST_ON)
		one->part.state = HOST_OFF;
	return err;
}

static int start_one(struct watched *one)
{
	int err;

	coverage_done(&one->part.coverage);
	one->request.collectors = one->chosen;
	one->part.why[0] = '\0';
	err = engine_open(&one->request, &one->part.coverage, &one->engine);
	err = err ?: engine_start(one->engine);
	if (!err) {
		one->part.state = HOST_ON;
		return 0;
	}
	engine_close(one->engine);
	one->engine = NULL;
	return part_failed(&one->part, err);
}

static int open_recording(struct host *host, bool profile, bool waits)
{
	int err;

	host->recording_request.cpu.time = !waits    ? CPU_TIME_ON
					   : profile ? CPU_TIME_WALL
						     : CPU_TIME_OFF;
	host->recording_request.keep_moments = waits;
	err = recording_open(&host->recording_request, &host->recording);
	err = err ?: recording_start(host->recording);
	host->opened_mono_ns = clock_mono_ns();
	if (err)
		recording_free(take(host->recording));
	else
		error_clear(); /* of ways that were tried and not taken */
	return err;
}

static void part_works(struct host_part *part)
{
	part->state = HOST_ON;
	part->why[0] = '\0';
}

/* Begins anew with what is wanted.  Where waits cannot be told there are the samples alone. */
static int start_recording(struct host *host, bool profile, bool waits)
{
	int err = 0;

	recording_free(take(host->recording));
	host->is_finished = false;
	busy_forget(&host->busy);
	if (waits) {
		err = open_recording(host, profile, true);
		if (!err)
			part_works(&host->waits);
		else if ((err = part_failed(&host->waits, err)) != 0)
			return err;
	}
	if (profile && !host->recording) {
		err = open_recording(host, true, false);
		if (err)
			return part_failed(&host->profile, err);
	}
	if (profile)
		part_works(&host->profile);
	return 0;
}

static int restart_recording(struct host *host)
{
	return start_recording(host, host->profile.state == HOST_ON, host->waits.state == HOST_ON);
}

static int switch_recording(struct host *host, struct host_part *part, bool on)
{
	bool is_profile = part == &host->profile;

	if (on == (part->state == HOST_ON))
		return 0;
	if (!on)
		part->state = HOST_OFF;
	return start_recording(host, is_profile ? on : host->profile.state == HOST_ON,
			       is_profile ? host->waits.state == HOST_ON : on);
}

int host_switch_recording(struct host *host, bool profile, bool waits)
{
	host->profile.state = host->waits.state = HOST_OFF;
	return start_recording(host, profile, waits);
}

int host_switch(struct host *host, const char *name, bool on)
{
	if (strcmp(name, host->profile.name) == 0)
		return switch_recording(host, &host->profile, on);
	if (strcmp(name, host->waits.name) == 0)
		return switch_recording(host, &host->waits, on);
	vec_each(one, &host->list) {
		int err = 0;

		if (strcmp(one->part.name, name) != 0)
			continue;
		if (on != (one->part.state == HOST_ON))
			err = on ? start_one(one) : stop_one(host, one);
		if (!on)
			one->part.state = HOST_OFF;
		return err;
	}
	return -ENOENT;
}

int host_set_rate(struct host *host, uint32_t rate_hz)
{
	host->recording_request.cpu.rate_hz = rate_hz;
	return host->profile.state == HOST_ON ? restart_recording(host) : 0;
}

int host_set_min_wait(struct host *host, uint64_t min_wait_ns)
{
	host->recording_request.cpu.min_block_ns = min_wait_ns;
	return host->waits.state == HOST_ON ? restart_recording(host) : 0;
}

/* Both parts come from one recording, so either both go on or none. */
static int recording_failed(struct host *host, int err)
{
	recording_free(take(host->recording));
	if (host->waits.state == HOST_ON && host->profile.state == HOST_ON)
		host->waits.state = HOST_FAILED;
	snprintf(host->waits.why, sizeof(host->waits.why), "%s", error_text());
	return part_failed(host->profile.state == HOST_ON ? &host->profile : &host->waits, err);
}

/* Samples and waits that came since there were so many moments. */
static void count_moments(struct host *host, const struct profile *profile, size_t from)
{
	for (size_t i = from; i < profile->moments.len; i++) {
		const struct moment *moment = &profile->moments.data[i];

		if (!moment->reason)
			host->profile.records++;
		else if (moment->reason != BLOCK_SHORT && moment->reason != BLOCK_RUNQ)
			host->waits.records++;
	}
}

/* Of all that was lost, what belongs to waits. */
static uint64_t waits_lost(const struct coverage *coverage)
{
	uint64_t count = 0;

	vec_each(loss, &coverage->lost)
		if (strstr(loss->kind, "waits"))
			count += loss->count;
	return count;
}

/* Calls one of recording_drain() and recording_finish(), and counts what came. */
static int take_in(struct host *host, int (*drain)(struct recording *recording))
{
	struct profile *profile = recording_profile(host->recording);
	uint64_t samples = profile->samples;
	size_t moments = profile->moments.len;
	uint64_t lost = coverage_lost(&profile->coverage);
	uint64_t lost_waits = waits_lost(&profile->coverage);
	int err = drain(host->recording);

	if (err)
		return recording_failed(host, err);
	if (profile->keep_moments)
		count_moments(host, profile, moments);
	else
		host->profile.records += profile->samples - samples;
	lost = coverage_lost(&profile->coverage) - lost;
	lost_waits = waits_lost(&profile->coverage) - lost_waits;
	host->waits.lost += lost_waits;
	host->profile.lost += lost - lost_waits;
	return 0;
}

static int drain_profile(struct host *host)
{
	return host->recording && !host->is_finished ? take_in(host, recording_drain) : 0;
}

/* What the kernel still holds, and the waits that go on. */
static int finish_recording(struct host *host)
{
	if (!host->recording || host->is_finished)
		return 0;
	host->is_finished = true;
	recording_stop(host->recording);
	return take_in(host, recording_finish);
}

int host_drain(struct host *host, bool is_last)
{
	const struct record_sink *sink = host->request.sink;
	int err = 0;

	vec_each(one, &host->list) {
		if (!one->engine || err)
			continue;
		err = is_last ? stop_one(host, one) : drain_one(host, one, false);
	}
	err = err ?: drain_profile(host);
	return err ?: sink->flush ? sink->flush(&host->target) : 0;
}

void host_wait(struct host *host, int fd, uint64_t ns)
{
	struct pollfd waits[64] = { { .fd = fd, .events = POLLIN } };
	nfds_t count = 1;

	vec_each(one, &host->list)
		if (one->engine && count < array_len(waits) - 1)
			waits[count++] = (struct pollfd){ .fd = engine_descriptor(one->engine),
							  .events = POLLIN };
	if (host->recording)
		waits[count++] = (struct pollfd){ .fd = recording_descriptor(host->recording),
						  .events = POLLIN };
	poll(waits, count, (int)(ns / NS_PER_MS));
}

static bool is_outgrown(const struct host *host)
{
	const struct profile *profile = recording_profile(host->recording);

	return profile->stacks.len > HOST_RENEW_STACKS ||
	       profile->text.text.len > HOST_RENEW_BYTES ||
	       clock_mono_ns() > host->opened_mono_ns + HOST_RENEW_NS;
}

int host_take_profile(struct host *host, bool is_last, const struct profile **ret_profile)
{
	struct profile *profile;
	int err;

	*ret_profile = NULL;
	if (!host->recording)
		return 0;
	host->must_renew = !is_last && is_outgrown(host);
	err = is_last || host->must_renew ? finish_recording(host) : 0;
	if (err || !host->recording)
		return err;
	profile = recording_profile(host->recording);
	err = recording_name(host->recording);
	profile->duration_ns = clock_mono_ns() - profile->started_mono_ns;
	*ret_profile = err ? NULL : profile;
	return err;
}

int host_each_busy(struct host *host,
		   void (*each)(void *context, uint32_t pid, const char *comm, uint64_t ns),
		   void *context)
{
	if (!host->recording || host->profile.state != HOST_ON)
		return 0;
	return busy_each(&host->busy, recording_profile(host->recording), each, context) ?: 1;
}

static bool is_of_kind(const struct moment *moment, enum host_kind kind)
{
	if (kind == HOST_SAMPLES)
		return !moment->reason;
	return moment->reason && moment->reason != BLOCK_SHORT && moment->reason != BLOCK_RUNQ;
}

int host_choose(struct host *host, enum host_kind kind, struct host_waits *waits)
{
	struct profile *profile = host->recording ? recording_profile(host->recording) : NULL;
	const struct host_part *part = kind == HOST_SAMPLES ? &host->profile : &host->waits;
	int err = 0;

	waits->list.len = 0;
	if (!profile || part->state != HOST_ON)
		return 0;
	if (!profile->keep_moments)
		return 1;
	profile->entries.len = 0;
	index_clear(&profile->entry_index);
	profile->samples = profile->weight_ns = 0;
	for (size_t i = 0; !err && i < profile->moments.len; i++) {
		const struct moment *moment = &profile->moments.data[i];
		struct host_wait wait = { moment->task, moment->stack,
					  moment->at_mono_ns - moment->weight_ns,
					  moment->at_mono_ns };

		if (!is_of_kind(moment, kind))
			continue;
		if (kind == HOST_WAITS && moment->weight_ns > host->request.slice_ns)
			err = vec_push(&waits->list, wait);
		else
			err = profile_count(profile, moment->task, moment->stack, 1,
					    moment->weight_ns);
	}
	return err < 0 ? err : 1;
}

int host_end_slice(struct host *host, bool *ret_is_new)
{
	struct profile *profile = host->recording ? recording_profile(host->recording) : NULL;

	*ret_is_new = false;
	if (!profile)
		return 0;
	if (host->must_renew) {
		host->must_renew = false;
		*ret_is_new = true;
		return restart_recording(host);
	}
	busy_forget(&host->busy);
	profile->moments.len = 0;
	profile->entries.len = 0;
	index_clear(&profile->entry_index);
	profile->samples = profile->weight_ns = 0;
	profile->started_mono_ns = clock_mono_ns();
	profile->started_unix_ns = profile->started_mono_ns + clock_unix_offset_ns();
	return 0;
}
