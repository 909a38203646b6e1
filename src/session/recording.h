/* SPDX-License-Identifier: MIT */
/* recording.h - a profile being taken: samples from the kernel, put in order, placed and named.
 *
 *     cpu (collect) --batch--> intake --stack--> profile --names--> whoever asked for it
 *
 *     recording_open     everything is loaded; the launched command may wait meanwhile
 *     recording_start    from here on samples are taken
 *     recording_drain    again and again, at least every RECORDING_DRAIN_MS
 *     recording_stop     no sample is taken any more; those that were can still be drained
 *     recording_finish   the rest of them; recording_name() then brings the names
 *
 * Call from one thread.
 */
#ifndef SESSION_RECORDING_H
#define SESSION_RECORDING_H

#include "collect/cpu/cpu.h"
#include "model/profile.h"
#include "resolve/resolver.h"

#define RECORDING_DRAIN_MS 100

struct recording_request {
	struct cpu_request cpu; /* with the process that was launched, if there is one */
	struct resolver_options naming;
	bool debuginfod;   /* ask servers for debug files */
	bool keep_moments; /* every sample, in the profile */
};

struct recording;

/**
 * recording_open - load everything
 * @request: borrowed until recording_free()
 *
 * Return: as cpu_open(); -ENOMEM.
 */
nodiscard int recording_open(const struct recording_request *request,
			     struct recording **ret_recording);
void recording_free(struct recording *recording);
own_define(struct recording, recording_free)

/** recording_start - Return: 0; -errno with fail() said */
nodiscard int recording_start(struct recording *recording);

/** recording_drain - Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int recording_drain(struct recording *recording);
void recording_stop(struct recording *recording);

/** recording_finish - after the stop, once.  As recording_drain() */
nodiscard int recording_finish(struct recording *recording);

/** recording_name - name what has no name yet.  Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int recording_name(struct recording *recording);

/** recording_report - at the end: what was not measured goes into the profile's coverage.  0; -ENOMEM */
nodiscard int recording_report(struct recording *recording);

/** recording_descriptor - readable when a drain is due before its time, for poll() */
int recording_descriptor(const struct recording *recording);

/** recording_is_over - whether all that was chosen by PID or TID, and its children, has ended */
bool recording_is_over(const struct recording *recording);

/** recording_profile - what there is so far */
struct profile *recording_profile(const struct recording *recording);

/** recording_take - the profile, which is the caller's from here on; last of all */
struct profile *recording_take(struct recording *recording);

#endif
