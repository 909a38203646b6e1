/* SPDX-License-Identifier: MIT */
/* sessions.h - profiles on demand: who is sampled now, and the results until they expire.
 *
 *     sessions_start() ──> starting ──> running ──> naming ──> done ─┐
 *                              │           │                         ├──> expired: gone
 *                              │           └── sessions_cancel() ──> cancelled
 *                              └──> failed, with the reason          ┘
 *
 * Ceilings: [profiler] max_concurrent_sessions, beyond which a start is refused; SESSIONS_MAX_RESULT_BYTES
 * for one result, at which its sampling ends and says so; [profiler] result_max_bytes for all results and
 * SESSIONS_MAX_KEPT for their number, beyond which the oldest that are over expire; result_max_age_s.  What
 * runs is never ended in favour of another.  Each running session is a thread; call from any thread.
 */
#ifndef SERVE_SESSIONS_H
#define SERVE_SESSIONS_H

#include "base/log.h"
#include "serve/config.h"
#include "session/demand.h"

#define SESSIONS_ID_BYTES         37 /* a UUID in lower case, and its NUL */
#define SESSIONS_MAX_KEPT         256
#define SESSIONS_MAX_RESULT_BYTES (16u << 20)
#define SESSIONS_MAX_SAMPLES      250000 /* that are kept one by one, where nobody asked */
#define SESSIONS_UNREAD_S         60 /* for so long no result expires for its size before it was read */

enum sessions_stage {
	SESSIONS_STARTING,
	SESSIONS_RUNNING,
	SESSIONS_NAMING,
	SESSIONS_DONE,
	SESSIONS_CANCELLED,
	SESSIONS_FAILED,
	SESSIONS_STAGE_COUNT
};

struct sessions_state {
	char id[SESSIONS_ID_BYTES];
	struct demand_request request;
	enum sessions_stage stage;
	enum demand_end end; /* of what is done */
	char why[256];       /* it failed */
	uint64_t at_unix_ns; /* when it was asked for */
	uint64_t setup_ns;   /* from then until sampling began; 0: not yet */
	uint64_t first_ns;   /* until the first sample that is kept; 0: none, or not told apart */
	uint64_t samples, lost, bytes;
	uint64_t expires_unix_ns; /* what is over; 0: it is not */
};

/** sessions_stage_name - "running", "done", ... */
const char *sessions_stage_name(enum sessions_stage stage);

struct sessions_totals {
	uint64_t running, kept, kept_bytes;
	uint64_t started, refused, failed, cancelled, expired;
};

struct sessions;

/** sessions_new - @config: borrowed for good.  Return: 0; -ENOMEM */
nodiscard int sessions_new(const struct config *config, const struct log *log,
			   struct sessions **ret_sessions);

/** sessions_free - whatever runs is cancelled */
void sessions_free(struct sessions *sessions);

/**
 * sessions_start - sample; returns at once
 * @ret_id: SESSIONS_ID_BYTES
 *
 * Return: 0; -ESRCH no such process; -EBUSY as many run as may, or too much waits to be read; -EPERM [ebpf] enabled is false; -ENOMEM; -errno; with fail() said.
 */
nodiscard int sessions_start(struct sessions *sessions, const struct demand_request *request,
			     char *ret_id);

/** sessions_find - Return: 0; -ENOENT without fail() */
nodiscard int sessions_find(struct sessions *sessions, const char *id,
			    struct sessions_state *ret_state);

/** sessions_list - the newest first; @ret_states: the caller's, at most SESSIONS_MAX_KEPT and what runs */
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
void sessions_totals(struct sessions *sessions, struct sessions_totals *ret_totals);

#endif
