/* SPDX-License-Identifier: MIT */
/* record_sink.h - one way to write records: as a table, as JSON, ...
 *
 * A sink is a constant row; what belongs to one output is in its target.  begin() once, then record()
 * and loss() as they come, flush() behind each batch, end() once.  Called from one thread.
 */
#ifndef MODEL_RECORD_SINK_H
#define MODEL_RECORD_SINK_H

#include <stdio.h>

#include "model/coverage.h"
#include "model/records.h"
#include "model/redact.h"

/* How the records of one collector are shown. */
struct record_view {
	const char *collector;
	const struct schema *const *schemas; /* of its records and tables, closed by NULL */
	const char *const *columns;          /* fields of a table, by name, closed by NULL */
	const char *const *group;            /* fields that a summary adds up by, closed by NULL */
};

/* One output being written. */
struct record_target {
	FILE *out; /* write errors stay in the stream; whoever opened it checks them */
	const struct record_view *views;
	size_t view_count;
	uint64_t unix_offset_ns; /* what to add to a monotonic instant, now */
	uint64_t interval_ns;    /* of tables */
	unsigned width;          /* columns of the terminal; 0: as wide as it comes */
	bool colour, ascii;
	bool in_place; /* a terminal, where a picture may be drawn over */
	/* Path of a control group by its number, NULL where it is not known; borrowed. */
	const char *(*cgroup_path)(void *context, uint64_t id);
	void *context;
	const struct redact *redact; /* of arguments and paths; NULL: as they are */
	void *state;                 /* the sink's own */
};

struct record_sink {
	const char *name;
	int (*begin)(struct record_target *target); /* may be NULL, as all but record() */
	int (*record)(struct record_target *target, const struct record *record);
	int (*loss)(struct record_target *target, const struct record_loss *loss);
	int (*flush)(struct record_target *target);
	int (*end)(struct record_target *target, const struct coverage *coverage);
};

#endif
