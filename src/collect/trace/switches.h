/* SPDX-License-Identifier: MIT */
/* switches.h - when the threads of a tree are switched in and out, by records of perf_event_open().
 *
 * The event is inherited by all that the tree makes, and needs no rights for processes of the same user as
 * long as kernel.perf_event_paranoid is 2 or less.  Each CPU has a ring; a thread that moves has its
 * records in several, so they are put in order before they count:  what is younger than the begin of a drain
 * waits for the next one.
 */
#ifndef COLLECT_TRACE_SWITCHES_H
#define COLLECT_TRACE_SWITCHES_H

#include "collect/perf_ring.h"

struct switch_record {
	uint64_t at_mono_ns;
	uint32_t tid;
	enum switch_kind {
		SWITCH_BORN,
		SWITCH_IN,
		SWITCH_OUT,
		SWITCH_PREEMPTED, /* out, and it would go on */
		SWITCH_END        /* nothing happens to it: its current interval is closed */
	} kind;
};

/* A thread, as of the last drain. */
struct switched {
	uint32_t tid;
	bool is_on;       /* a CPU */
	bool is_ready;    /* it is not, and waits for one since `since` */
	uint64_t born;    /* 0: not seen */
	uint64_t since;   /* begin of the interval that it is in */
	uint64_t running; /* ns on a CPU, others run in its place excepted */
	uint64_t queued;  /* ns off, ready to run: after it was born or preempted */
	uint64_t waited;  /* ns off because it wanted to wait, the way back to a CPU included */
	uint64_t outs, preemptions;
};

struct switches {
	vec(struct perf_ring) rings;
	vec(struct switch_record) records; /* that do not count yet */
	vec(struct switched) threads;      /* that live */
	uint64_t lost;
	int epoll; /* readable when a ring is half full */
};

/** switches_open - of a process and all that it makes from now on.  0; -EACCES; -EPERM; -errno */
nodiscard int switches_open(pid_t pid, struct switches *switches);

/** switches_drain - Return: 0; -ENOMEM; -errno */
nodiscard int switches_drain(struct switches *switches);

/** switches_of - a thread of which anything has been told; else NULL; valid until the next drain */
struct switched *switches_of(const struct switches *switches, uint32_t tid);
void switches_forget(struct switches *switches, uint32_t tid);

/** switches_rename - a thread that has executed a program has the number of the first one */
void switches_rename(struct switches *switches, uint32_t from, uint32_t to);
void switches_close(struct switches *switches);

/** switched_take - the next thing that happened to it, in the order of time */
void switched_take(struct switched *thread, const struct switch_record *record);

#endif
