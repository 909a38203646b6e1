/* SPDX-License-Identifier: MIT */
/* coverage.h - how something was measured, what was lost on the way, and what was not measured.
 *
 * Travels with every result.  Loss is counted by kind at the stage where it happens; a kind is a
 * short text in the words of the user ("samples: ring buffer full").  Not thread-safe.
 */
#ifndef MODEL_COVERAGE_H
#define MODEL_COVERAGE_H

#include <stdbool.h>

#include "base/vec.h"

struct coverage_loss {
	char *kind;
	uint64_t count;
	uint64_t first_mono_ns, last_mono_ns; /* when it was noticed */
};

struct coverage {
	char *mode; /* "bpf, timer tick", ... */
	vec(struct coverage_loss) lost;
	vec(char *) not_measured;
	bool is_unsure; /* something else was lost, and nobody knows how much */
};

nodiscard int coverage_set_mode(struct coverage *coverage, const char *mode);

/** coverage_lose - add to the losses of one kind; 0 adds nothing */
nodiscard int coverage_lose(struct coverage *coverage, const char *kind, uint64_t count,
			    uint64_t at_mono_ns);

/** coverage_lack - note once that something was not measured, and why */
nodiscard int coverage_lack(struct coverage *coverage, const char *what);

/** coverage_lost - all losses added up */
uint64_t coverage_lost(const struct coverage *coverage);
void coverage_done(struct coverage *coverage);

#endif
