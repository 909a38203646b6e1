/* SPDX-License-Identifier: MIT */
/* records.h - what comes through the ring buffer, put together to samples.  Private to this folder. */
#ifndef COLLECT_CPU_RECORDS_H
#define COLLECT_CPU_RECORDS_H

#include "collect/cpu/cpu.wire.h"
#include "model/batch.h"

#define RECORDS_WAITING_MAX 4096u /* some 500 bytes each */

#define RECORDS_RAWS_MAX    256u /* each up to 31 KB; samples that the ring lost leave theirs */

/* The rest of a stack, whose sample was not seen yet: it may come with the next batch. */
struct raw_stack {
	uint64_t at;
	uint32_t cpu, words;
	uint64_t *stack;
};

/* A sample or wait whose user stack was not seen yet. */
struct waiting {
	struct sample sample;
	uint32_t exec_id;
	uint64_t *kernel; /* frames */
};

#define RECORDS_EARLY_MAX 64u /* each up to 39 KB; beyond, the oldest goes */

/* A user stack whose wait has not ended: kernels that cannot put off the walk tell it first. */
struct early {
	struct sample sample;
	uint32_t exec_id;
	uint64_t *words; /* raw, then frames */
};

#define RECORDS_WAKERS_MAX 1024u /* threads whose wait was ended and that did not run yet */

struct records {
	struct batch *batch; /* being filled */
	vec(struct raw_stack) raws;
	vec(struct waiting) waiting; /* in the order of time */
	vec(struct early) early;     /* likewise; one of a thread */
	vec(struct early) wakers;    /* exec_id: of the thread whose wait it ended */
	uint64_t received;           /* records of all kinds */
};

/** records_begin - what follows goes to a batch */
void records_begin(struct records *records, struct batch *batch);

/** records_take - one record.  Return: 0, also for one that makes no sense; -ENOMEM */
nodiscard int records_take(struct records *records, const void *data, size_t len);

/** records_flush - no user stack comes any more: waits go without.  Return: 0; -ENOMEM */
nodiscard int records_flush(struct records *records);

/** records_length - bytes of the record that @data begins with; 0: none, or cut short */
size_t records_length(const void *data, size_t len);
void records_done(struct records *records);

#endif
