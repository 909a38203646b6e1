/* SPDX-License-Identifier: MIT */
/* sessions.h - profiles on demand: who is sampled now, and the results until they expire.
 *
 * Measurements (measurements.h), each of which samples in a thread of its own.  Besides their ceilings:
 * SESSIONS_MAX_RESULT_BYTES for one result, at which its sampling ends and says so.
 */
#ifndef SERVE_SESSIONS_H
#define SERVE_SESSIONS_H

#include "serve/measurements.h"
#include "session/demand.h"

#define SESSIONS_MAX_RESULT_BYTES (16u << 20)
#define SESSIONS_MAX_SAMPLES      250000 /* that are kept one by one, where nobody asked */

struct sessions_state {
	char id[MEASUREMENT_ID_BYTES];
	struct demand_request request;
	enum measurement_stage stage;
	enum demand_end end; /* of what is done */
	char why[256];       /* it failed */
	uint64_t at_unix_ns; /* when it was asked for */
	uint64_t setup_ns;   /* from then until sampling began; 0: not yet */
	uint64_t first_ns;   /* until the first sample that is kept; 0: none, or not told apart */
	uint64_t samples, lost, bytes;
	bool was_ahead;           /* its programs were loaded before it was asked for */
	uint64_t cpu_ns;          /* that its thread has used; of what is over */
	bool is_of_incident;      /* nobody asked for it: a trigger has fired */
	uint64_t expires_unix_ns; /* what is over; 0: it is not */
};

struct sessions;

/** sessions_new - @config: borrowed for good.  Return: 0; -ENOMEM */
nodiscard int sessions_new(const struct config *config, const struct log *log,
			   struct sessions **ret_sessions);

/** sessions_free - whatever runs is cancelled */
void sessions_free(struct sessions *sessions);

/**
 * sessions_start - sample; returns at once
 * @ret_id: MEASUREMENT_ID_BYTES
 *
 * Return: 0; -ESRCH no such process; -EBUSY as many run as may, or too much waits to be read; -EPERM [ebpf] enabled is false; -ENOMEM; -errno; with fail() said.
 */
nodiscard int sessions_start(struct sessions *sessions, const struct demand_request *request,
			     char *ret_id);

/** sessions_start_incident - likewise for a trigger: apart from max_concurrent_sessions */
nodiscard int sessions_start_incident(struct sessions *sessions,
				      const struct demand_request *request, char *ret_id);

/** sessions_find - Return: 0; -ENOENT without fail() */
nodiscard int sessions_find(struct sessions *sessions, const char *id,
			    struct sessions_state *ret_state);

/** sessions_list - the newest first; @ret_states: the caller's, at most MEASUREMENTS_MAX_KEPT and what runs */
nodiscard int sessions_list(struct sessions *sessions, struct sessions_state **ret_states,
			    size_t *ret_count);

/** sessions_cancel - end what runs, without a result; forget what is over.  0; -ENOENT without fail() */
nodiscard int sessions_cancel(struct sessions *sessions, const char *id);

/**
 * sessions_borrow - the result of a session that is done
 * @ret_profile: valid, and the same, until sessions_return()
 *
 * Return: 0; -ENOENT there is no such session, or it is not done; without fail().
 */
struct session_result;
nodiscard int sessions_borrow(struct sessions *sessions, const char *id,
			      const struct profile **ret_profile,
			      struct session_result **ret_result);
void sessions_return(struct sessions *sessions, struct session_result *result);

/** sessions_tick - now and then: what has expired goes */
void sessions_tick(struct sessions *sessions);

/** sessions_is_ahead - whether programs of the next session lie ready */
bool sessions_is_ahead(struct sessions *sessions);
void sessions_totals(struct sessions *sessions, struct measurements_totals *ret_totals);

#endif
