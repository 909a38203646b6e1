/* SPDX-License-Identifier: MIT */
/* triggers.h - notices what is worth a closer look, in what is recorded anyway.
 *
 *     load_read()         host_cpu, run_queue, io   the mean of the last `for_s` seconds, once a second
 *     samples of CPUs     process_cpu               likewise, of each process
 *     records             oom, exit                 as they come
 *     watched_read()      latency                   the p99 of `for_s` seconds
 *
 * Nothing is opened and nothing is started here: what fired is taken with triggers_take().  One thread.
 */
#ifndef SERVE_TRIGGERS_H
#define SERVE_TRIGGERS_H

#include "model/incident.h"
#include "serve/config.h"
#include "serve/watched.h"
#include "session/load.h"

#define TRIGGERS_MAX_BUSY    256 /* processes that are followed at one time; the idlest make room */
#define TRIGGERS_MAX_PENDING 16  /* that fired and were not taken; more are counted */
#define TRIGGERS_WINDOW_S    60  /* that `for_s` can be */

struct trigger_status {
	bool is_on;
	bool has_value; /* it has a mean, and knows it */
	uint64_t value; /* in percent or nanoseconds; of process_cpu that of the busiest */
	uint64_t fired;
	uint64_t fired_unix_ns; /* at last; 0: never */
	uint64_t quiet_until_mono_ns;
	const char *lacks; /* why it cannot fire here; NULL */
};

struct triggers;

/** triggers_new - @config: borrowed for good; @cpus: of the machine.  Return: 0; -ENOMEM */
nodiscard int triggers_new(const struct config *config, unsigned cpus, struct triggers **ret);
void triggers_free(struct triggers *triggers);

/** triggers_hear - a record has come */
void triggers_hear(struct triggers *triggers, const struct record *record);

/** triggers_sample - a process was on a CPU for so long since the last tick */
void triggers_sample(struct triggers *triggers, uint32_t pid, const char *comm, uint64_t ns);

/** triggers_tick - once a second; @has_samples: processes were sampled */
void triggers_tick(struct triggers *triggers, uint64_t now_mono_ns, const struct load_sums *sums,
		   bool has_samples);

/** triggers_latency - a window of the watched function; before triggers_take() */
void triggers_latency(struct triggers *triggers, uint64_t now_mono_ns,
		      const struct watched_window *window);

/**
 * triggers_take - what fired, the oldest first
 * @ret_begin: all but from, rate and session is set
 */
bool triggers_take(struct triggers *triggers, struct incident_begin *ret_begin);

/** triggers_value - of a trigger now, for @pid where it is of processes; UINT64_MAX: it has none */
uint64_t triggers_value(const struct triggers *triggers, enum incident_trigger trigger,
			uint32_t pid);
void triggers_status(const struct triggers *triggers, enum incident_trigger trigger,
		     struct trigger_status *ret_status);

/** triggers_missed - that fired while TRIGGERS_MAX_PENDING waited */
uint64_t triggers_missed(const struct triggers *triggers);

#endif
