/* SPDX-License-Identifier: MIT */
/* host.h - watches the whole host without end: what the daemon records.
 *
 *     collector ─ engine ──> records ──┐
 *     collector ─ engine ──> records ──┼─> sink
 *     cpu ───> samples, waits ─────────┴─> profiles of the last slice of time
 *
 * Each collector has an engine of its own, so that each can be switched on and off, and fails alone.  What the
 * CPUs execute and what threads wait for is one recording, of which either part may be off.  A profile is taken away slice by slice; what it knows of processes is renewed now and then, so that it does
 * not grow for ever.  One thread.
 */
#ifndef SESSION_HOST_H
#define SESSION_HOST_H

#include "collect/engine.h"
#include "model/profile.h"
#include "model/record_sink.h"

#define HOST_PROFILE_RATE_MAX 999
#define HOST_RENEW_STACKS     200000     /* the recording is renewed when the profile has so many */
#define HOST_RENEW_BYTES      (8u << 20) /* or so much text */
#define HOST_RENEW_NS         3600000000000ull /* or is so old */

enum host_state {
	HOST_OFF,
	HOST_ON,
	HOST_FAILED,
};

/* What stands in the entries of a profile that is taken. */
enum host_kind {
	HOST_SAMPLES, /* of CPUs */
	HOST_WAITS,   /* that ended, and were as long as min_wait_ns */
	HOST_KIND_COUNT
};

/* One collector, or the profile. */
struct host_part {
	const char *name, *help;
	bool by_default;
	enum host_state state;
	char why[256];    /* it failed */
	uint64_t records; /* or samples */
	uint64_t lost;
	struct coverage coverage;
};

struct host_request {
	uint64_t interval_ns; /* of tables */
	const struct knob_value *knobs;
	size_t knob_count;
	uint32_t rate_hz;     /* of the profile */
	uint64_t min_wait_ns; /* waits that are shorter are not told */
	uint64_t slice_ns;    /* waits that are longer are told one by one */
	const struct record_sink *sink;
	struct record_target target; /* without views and cgroup_path; the host adds them */
	/* Called for each record that the sink has taken; may be NULL. */
	void (*heard)(void *context, const struct record *record);
	void *context; /* its */
};

struct host;

/** host_new - nothing is on yet.  Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int host_new(const struct host_request *request, struct host **ret_host);
void host_free(struct host *host);

/** host_views - of every kind of record that can come; valid as long as the host */
const struct record_view *host_views(const struct host *host, size_t *ret_count);

/** host_target - what the sink is called with; the caller may set `state` before the first drain */
struct record_target *host_target(struct host *host);

/** host_part - by number, the waits and the profile last; NULL behind them */
const struct host_part *host_part(const struct host *host, size_t number);

/**
 * host_switch - a collector, "waits" or "profile", on or off
 *
 * Return: 0, also when it does not work here: then its state is HOST_FAILED; -ENOENT there is no such
 * part; -ENOMEM.
 */
nodiscard int host_switch(struct host *host, const char *name, bool on);

/** host_switch_recording - both parts of it at once, which is half the work.  Return: 0; -ENOMEM */
nodiscard int host_switch_recording(struct host *host, bool profile, bool waits);

/** host_set_rate - of the profile, which begins anew if it is on.  Return: 0; -ENOMEM */
nodiscard int host_set_rate(struct host *host, uint32_t rate_hz);

/** host_set_min_wait - likewise, of the waits */
nodiscard int host_set_min_wait(struct host *host, uint64_t min_wait_ns);

/** host_drain - records to the sink, samples to the profile.  Return: 0; -ENOMEM; what the sink returned */
nodiscard int host_drain(struct host *host, bool is_last);

/** host_wait - until there is much to drain, @fd becomes readable, or some time has passed */
void host_wait(struct host *host, int fd, uint64_t ns);

/**
 * host_take_profile - name what was sampled since the last call; NULL: neither profile nor waits are on
 * @is_last: the recording ends with it, to begin anew or not at all.  Waits that go on then are told as far
 *           as they went, and what is sampled from here on is nobody's
 * @ret_profile: borrowed until host_end_slice()
 *
 * A recording that has grown too large ends by itself, and host_end_slice() begins another.
 */
nodiscard int host_take_profile(struct host *host, bool is_last,
				const struct profile **ret_profile);

/**
 * host_each_busy - how long each process was on CPUs since the last call or slice, by its samples
 *
 * Return: 1; 0 nothing is sampled; -ENOMEM.
 */
nodiscard int host_each_busy(struct host *host,
			     void (*each)(void *context, uint32_t pid, const char *comm,
					  uint64_t ns),
			     void *context);

/* A wait that is longer than a slice, and so belongs to those before, too. */
struct host_wait {
	uint32_t task, stack; /* of the profile */
	uint64_t from_mono_ns, to_mono_ns;
};

struct host_waits {
	vec(struct host_wait) list;
};

/**
 * host_choose - after host_take_profile(): from here on its entries are of one kind
 * @waits: receives the waits that are longer than a slice, which stand in no entry; cleared before
 *
 * Return: 1 this kind is on; 0 it is off; -ENOMEM.
 */
nodiscard int host_choose(struct host *host, enum host_kind kind, struct host_waits *waits);

/** host_end_slice - the profile begins again from nothing; *@ret_is_new: and with other numbers */
nodiscard int host_end_slice(struct host *host, bool *ret_is_new);

#endif
