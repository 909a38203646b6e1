/* SPDX-License-Identifier: MIT */
/* incidents.h - what follows when a trigger fires: a record that it began, a profile at a higher rate, and
 * a record that it is over, with the profile in the store.
 *
 *     triggers ──fired──> incident.begin ──> session ──over──> profile, incident.end
 *
 * What happened before is in the store already: the events, and the profile that is always taken.  While an
 * incident goes on, another trigger that measures the host or its processes makes no incident of its own; it
 * is named in the first one.  Profiles of incidents may use the budget of the daemon and no more: what goes
 * beyond begins without one.  Of the thread that writes the store.
 */
#ifndef SERVE_INCIDENTS_H
#define SERVE_INCIDENTS_H

#include "base/log.h"
#include "serve/sessions.h"
#include "serve/triggers.h"
#include "store/store.h"

#define INCIDENTS_MAX_RUNNING 4
#define INCIDENTS_TICK_NS     1000000000ull

struct incidents_status {
	struct trigger_status triggers[INCIDENT_TRIGGERS];
	uint64_t running, begun;
	uint64_t without_profile; /* of those that began */
	uint64_t missed;          /* that fired while too many went on */
	uint64_t cpu_ns;          /* that their profiles have used */
};

struct incidents;

struct incidents_request {
	const struct config *config;
	const struct log *log;
	struct sessions *sessions;
	struct timings *timings;
	struct store *store;
	struct record_target *target; /* of the store's sink */
};

/** incidents_new - @request: what it points to is borrowed for good.  Return: 0; -ENOMEM */
nodiscard int incidents_new(const struct incidents_request *request, struct incidents **ret);

/** incidents_free - those that go on are left to be cut */
void incidents_free(struct incidents *incidents);

/** incidents_triggers - to be told of records and samples */
struct triggers *incidents_triggers(struct incidents *incidents);

/** incidents_start - before the first turn: the watched function is looked for, which may take a second */
void incidents_start(struct incidents *incidents);

/** incidents_turn - now and then.  Return: 0; -ENOMEM */
nodiscard int incidents_turn(struct incidents *incidents, bool has_samples);

/** incidents_due - whether a second has passed since the last tick of the triggers */
bool incidents_due(const struct incidents *incidents);

/** incidents_are_stored - a profile is on its way into the store, some of it each turn: they should be many */
bool incidents_are_stored(const struct incidents *incidents);

void incidents_status(const struct incidents *incidents, struct incidents_status *ret_status);

/** incidents_end - nobody records any more: what goes on is cut.  Return: 0; -ENOMEM */
nodiscard int incidents_end(struct incidents *incidents);

#endif
