/* SPDX-License-Identifier: MIT */
/* run.h - one run of a command, or one look at a running tree, accounted for.
 *
 *     balance (collect) --records--> account
 *
 * The command keeps its standard input, output, error, signals and terminal.  One thread.
 */
#ifndef SESSION_RUN_H
#define SESSION_RUN_H

#include "model/account.h"

#define RUN_DRAIN_MS 100

/* How to measure: what needs fewer rights tells less. */
enum run_rung {
	RUN_BEST,
	RUN_BPF,
	RUN_PTRACE, /* stops at fork, exec and exit */
	RUN_WAIT    /* what the kernel tells the parent of a command that has ended */
};

struct run_request {
	enum run_rung rung;
	char *const *command; /* closed by NULL; NULL: none */
	const uint32_t *pids; /* else processes that run already, with all that they have made */
	size_t pid_count;
	uint64_t duration_ns;   /* 0: until the command ends, or a signal */
	uint64_t timeline_ns;   /* keep sums so often; 0: not */
	bool syscalls, latency; /* count system calls; with their times and errors */
	bool files;             /* bytes and misses by path */
	bool wait_all;          /* until the last process of the tree has ended */
};

/**
 * run_once - run the command and account for it
 * @ret_account: set on success only; the caller frees it
 * @ret_status: exit status of the command as a shell tells it, 0 without one
 *
 * With a command, signals are its business: the first is passed on to it, the second ends the run,
 * not the command.  Without one, the first ends the run.
 * Return: 0; a positive exit status when the command could not be executed, with fail() said; -errno
 * with fail() said.
 */
nodiscard int run_once(const struct run_request *request, struct account **ret_account,
		       int *ret_status);

#endif
