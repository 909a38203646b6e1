/* SPDX-License-Identifier: MIT */
/* run.h - one run of a command, or one look at a running tree, accounted for.
 *
 *     balance (collect) --records--> account
 *     recording         --samples--> profile
 *
 * The command keeps its standard input, output, error, signals and terminal.  One thread.
 */
#ifndef SESSION_RUN_H
#define SESSION_RUN_H

#include "model/account.h"
#include "model/profile.h"

#define RUN_DRAIN_MS 100

struct watch_request;

/* How to measure: what needs fewer rights tells less. */
enum run_rung {
	RUN_BEST,
	RUN_BPF,
	RUN_PERF,   /* and when threads are switched */
	RUN_PTRACE, /* stops at fork, exec and exit */
	RUN_CGROUP, /* a control group of its own */
	RUN_PROC    /* what the kernel tells of a command that has ended */
};

/* Whether stacks are taken, of running and of waiting. */
enum run_stacks {
	RUN_STACKS_NOT,
	RUN_STACKS_WANTED, /* if they can be had */
	RUN_STACKS_ASKED   /* without them there is no run */
};

/* How often the sums are kept. */
struct run_timeline {
	uint64_t every_ns; /* 0: not */
	unsigned parts; /* later ones come as often as the run has become longer by one part, but at
			    * least every second; 0: they do not become rarer
			    */
};

struct run_request {
	enum run_rung rung;
	enum run_stacks stacks;
	const struct watch_request *events; /* what happens in the tree, one by one; NULL: not */
	char *const *command;               /* closed by NULL; NULL: none */
	const uint32_t *pids; /* else processes that run already, with all that they have made */
	size_t pid_count;
	uint64_t duration_ns; /* 0: until the command ends, or a signal */
	struct run_timeline timeline;
	/* Called after each moment of the timeline, with each living process in it; NULL: not.
	 * Return: 0; -ENOMEM; -errno: it is not called any more
	 */
	int (*moment)(void *listener, const struct account *account);
	void *listener;
	bool syscalls, latency; /* count system calls; with their times and errors */
	bool files;             /* bytes and misses by path */
	bool cgroup;            /* a control group of its own, which its tree can notice */
	uint32_t required; /* a bit for each enum account_section without which it does not start */
	const struct redact *redact; /* NULL: arguments and paths are kept as they are */
	bool wait_all;               /* until the last process of the tree has ended */
};

struct run_result {
	struct account *account;
	struct profile *profile; /* its stacks; NULL: they were not taken */
	int status;              /* of the command as a shell tells it, 0 without one */
};

/**
 * run_once - run the command and account for it
 * @ret_result: set on success only; the caller releases it
 *
 * With a command, signals are its business: the first is passed on to it, the second ends the run,
 * not the command.  Without one, the first ends the run.
 * Return: 0; a positive exit status when the command could not be executed, with fail() said; -errno
 * with fail() said.
 */
nodiscard int run_once(const struct run_request *request, struct run_result *ret_result);

/** run_result_done - free what is in it; accepts an empty one */
void run_result_done(struct run_result *result);

#endif
