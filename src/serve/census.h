/* SPDX-License-Identifier: MIT */
/* census.h - ends processes in the store that are gone, though their exit was lost.
 *
 *     store: not over ──> is it there?  ──no, twice──> over, with no exit code, "known to be there" at last sight
 *
 * A round asks for every process that is not over, some of them each turn, so that recording goes on: a round each
 * CENSUS_NS, and one soon after records of processes were lost or not taken.  A process is ended when two rounds
 * found it gone: what the kernel told of its end between them has been taken by then.  Of the recording's thread.
 * Ceiling: CENSUS_MAX processes that are remembered by when they began; of others the number alone counts.
 */
#ifndef SERVE_CENSUS_H
#define SERVE_CENSUS_H

#include "base/vec.h"
#include "store/store.h"

#define CENSUS_NS      60000000000ull
#define CENSUS_SOON_NS 2000000000ull  /* after a loss, and between two rounds of one that is gone */
#define CENSUS_REST_NS 10000000000ull /* between a round and one because of a loss */
#define CENSUS_SLICE   64             /* processes that are asked for in one turn */
#define CENSUS_MAX     65536

/* What a round knows of a process. */
struct census_one {
	uint64_t seq;
	uint32_t pid;
	uint64_t ticks;        /* when it began, as the kernel counts; 0: not known */
	uint64_t seen_unix_ns; /* 0: never */
	bool is_gone;
};

struct census {
	bool works;
	bool is_going;                      /* a round */
	uint32_t after_pid;                 /* it has come so far */
	size_t at;                          /* in `before` */
	vec(struct census_one) before, now; /* by PID: of the last round, and of this one */
	uint64_t due_ns, ended_ns;
	uint64_t lost; /* records of processes, when the last round began */
	bool has_gone; /* this round found one that is */
	uint64_t ends; /* of processes, that were not seen */
};

void census_init(struct census *census);
void census_done(struct census *census);

/**
 * census_turn - some of what is due
 * @lost: records of processes that are missing so far, or another number whenever some may be
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int census_turn(struct census *census, struct store *store, uint64_t lost);

#endif
