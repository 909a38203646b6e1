/* SPDX-License-Identifier: MIT */
/* collector.h - what there is to watch: one folder of src/collect for each, one row here.
 *
 * A folder NAME holds NAME.wire.h (the records), NAME.bpf.c (the programs) and NAME.c (the row).
 * `tools/new-collector NAME` writes one that works.  The build finds the rows; nothing lists them.
 */
#ifndef COLLECT_COLLECTOR_H
#define COLLECT_COLLECTOR_H

#include "collect/cgroup_names.h"
#include "collect/object.h"

struct collector {
	const char *name; /* the word on the command line */
	const char *help; /* a clause, no full stop */
	bool by_default;  /* watched where none is named; hooks no system call */
	const char *cost; /* what others pay for it, a clause; NULL: nothing that can be measured */
	const struct object *object;
	const struct object *syscalls; /* more of it that hooks system calls, on request; or NULL */
	const char *syscalls_help;     /* what that adds, a clause */
	const char *syscalls_instead;  /* a knob of `object` that is 0 then; or NULL */
	const struct object *standing; /* iterators over what is there already; or NULL */

	/* Takes one record of `standing` to where the programs of `object` find it; then it is told only
	 * on request.  NULL: they are records like others.  Return: 0; -errno.
	 */
	int (*know)(struct loaded *loaded, const struct record *record);

	/* Takes from a record what it tells of control groups; NULL: nothing.  Return: 0; -errno. */
	int (*learn)(struct cgroup_names *names, const struct record *record);

	const char *const *columns; /* fields of the live table, by name; closed by NULL */
	const char *const *group;   /* fields that a summary adds up by; closed by NULL */
	uint32_t ring_bytes;        /* 0: 256 KB */
};

/* All, in the order of their names; closed by NULL. */
extern const struct collector *const collectors[];

/** collector_find - NULL if there is none */
const struct collector *collector_find(const char *name);

#endif
