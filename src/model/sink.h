/* SPDX-License-Identifier: MIT */
/* sink.h - the only way data leaves: one output format of a profile.
 *
 * A sink is a constant row in a table; what belongs to one output is in its target.  The session
 * calls begin() once, moments() with each batch of new samples if the sink asked for every sample,
 * and end() once.  All frames that a call can reach have names by then.  Called from one thread.
 */
#ifndef MODEL_SINK_H
#define MODEL_SINK_H

#include <stdio.h>

#include "model/profile.h"

struct sink_options {
	const char *title;    /* what was profiled, for a heading */
	double min_share_pct; /* leave out of the picture what has less of the total; 0: nothing */
	unsigned width;       /* columns of the terminal; 0: as wide as it comes */
	bool stacks;          /* table: the stacks under each line */
	bool colour;
	bool ascii; /* the terminal's locale knows no UTF-8 */
};

/* One output being written. */
struct sink_target {
	const struct profile *profile;
	FILE *out; /* write errors stay in the stream; whoever opened it checks them */
	struct sink_options options;
	void *state; /* the sink's own, from begin() to end() */
};

struct sink {
	const char *name;         /* the word behind -f */
	const char *help;         /* one clause, no full stop */
	const char *suffix;       /* of a file name, without the dot */
	const char *other_suffix; /* that says it as well; may be NULL */
	bool is_binary;           /* not for a terminal */
	bool every_sample;        /* needs profile.moments */
	bool is_live;             /* writes moments as they come; they are dropped afterwards */
	int (*begin)(struct sink_target *target); /* may be NULL */
	/* Entries first .. first + count - 1 of profile.moments; NULL where end() reads them all. */
	int (*moments)(struct sink_target *target, size_t first, size_t count);
	int (*end)(struct sink_target *target);
};

#endif
