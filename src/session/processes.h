/* SPDX-License-Identifier: MIT */
/* processes.h - the processes that were seen, and what their addresses mean at the moment.
 *
 * Follows fork, exec, mapping and exit in the order of time, so that an address is looked up in
 * the mappings that held when it was sampled.  A process that was there before us is read from
 * /proc when it is first sampled.  An entry lives until its PID is given to another process.
 */
#ifndef SESSION_PROCESSES_H
#define SESSION_PROCESSES_H

#include "model/batch.h"
#include "model/profile.h"
#include "session/files.h"
#include "session/unwinder.h"

struct processes;

/**
 * processes_new - nobody is known yet
 * @follow_all: take note of every process that begins; else only of those that descend from one
 *              that was expected or sampled
 * @no_frames:  stands for the stack of a sample without frames, such as "[kernel]"; a literal
 */
nodiscard int processes_new(struct profile *profile, struct files *files, bool follow_all,
			    const char *no_frames, struct processes **ret_processes);
void processes_free(struct processes *processes);
own_define(struct processes, processes_free)

/** processes_expect - a process will be sampled: read its mappings while it is there */
nodiscard int processes_expect(struct processes *processes, uint32_t pid);

/** processes_apply - take note of one event; in the order of time */
nodiscard int processes_apply(struct processes *processes, const struct process_event *event,
			      const char *text);

/** processes_unwind - samples may come with raw stacks from now on; @unwinder: the caller's */
void processes_unwind(struct processes *processes, struct unwinder *unwinder);

struct processes_place {
	uint32_t task, stack;
	uint32_t quality;     /* quality_gap(), QUALITY_WHOLE, or PROCESSES_NO_STACK */
	uint16_t user_frames; /* of its stack, wherever it was walked */
};

#define PROCESSES_NO_STACK (UINT32_MAX - 1) /* without user frames, or of unknown quality */

/**
 * processes_place - the stack of a sample in the profile, root first
 * @frames: the batch's frames, which the sample refers to
 */
nodiscard int processes_place(struct processes *processes, const struct sample *sample,
			      const uint64_t *frames, struct processes_place *ret_place);

/**
 * processes_place_waker - the stack that ended a wait, below the stack of the wait
 * @place: of the wait; what is known of its own quality stays
 */
nodiscard int processes_place_waker(struct processes *processes, const struct sample *waker,
				    const uint64_t *frames, struct processes_place *place);

/** processes_refresh - events were lost: read the mappings of living processes again when needed */
void processes_refresh(struct processes *processes);

/** processes_sweep - forget the mappings of processes that ended long ago */
void processes_sweep(struct processes *processes, uint64_t now_mono_ns);

/** processes_ended - processes that had ended before their mappings could be read */
uint64_t processes_ended(const struct processes *processes);

/** processes_denied - processes whose mappings this user may not read */
uint64_t processes_denied(const struct processes *processes);

#endif
