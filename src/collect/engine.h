/* SPDX-License-Identifier: MIT */
/* engine.h - runs collectors: loads and attaches them, reads their rings and tables.
 *
 *     ring of each collector ─┐                      ┌─ records, in the order of time
 *     tables, every interval ─┼─> engine_drain() ──> ┤
 *     counts of losses ───────┘                      └─ losses, by kind and span of time
 *
 * Each collector has a ring of its own, and a drain reads what was in it when it began, so a flood of one
 * starves no other, and no drain is larger than the rings together.  What comes out is put into the order
 * of time: a record is handed out when every ring has been read up to a later instant.
 * Tables are never cleared in the kernel; rows are differences to what was there before, so nothing is
 * lost between reading and clearing.  After a loss, what is there is looked at again, so that nothing
 * stays unknown because its beginning was lost.  One thread.
 */
#ifndef COLLECT_ENGINE_H
#define COLLECT_ENGINE_H

#include "collect/collector.h"
#include "model/records.h"

struct engine_request {
	const struct collector *const *collectors; /* closed by NULL */
	struct event_filter filter;
	uint64_t interval_ns; /* of tables */
	const struct knob_value *knobs;
	size_t knob_count;
	uint32_t room; /* entries of each hash table in the kernel; 0: as each collector has it */
	struct cgroup_names *names; /* learn what collectors tell of groups; borrowed */
	bool syscalls;              /* also what hooks system calls */
	bool standing;              /* also what is there already */
	bool all_or_none; /* a collector that does not work is an error, and not only noted */
};

struct engine;

/**
 * engine_open - load the collectors
 * @coverage: notes what does not work here
 *
 * Return: 0; -EPERM; -ENOTSUP none of them works; -ENOMEM; with fail() said.
 */
nodiscard int engine_open(const struct engine_request *request, struct coverage *coverage,
			  struct engine **ret_engine);

/** engine_start - attach; from here on nothing is missed.  0; -errno with fail() said */
nodiscard int engine_start(struct engine *engine);

/**
 * engine_drain - what came since the last call
 * @is_last: everything, also what is newer than the other rings
 * @ret_batch: borrowed until the next call
 *
 * Return: 0; -ENOMEM; -errno with fail() said.
 */
nodiscard int engine_drain(struct engine *engine, bool is_last,
			   const struct records_batch **ret_batch);

/** engine_stop - detach; engine_drain() then brings the rest */
void engine_stop(struct engine *engine);

/** engine_descriptor - becomes readable when a ring is filling up */
int engine_descriptor(const struct engine *engine);

/** engine_more - whether a program was just writing a record, so that the last drain left it there */
bool engine_more(const struct engine *engine);
void engine_close(struct engine *engine);

#endif
