/* SPDX-License-Identifier: MIT */
/* balance.h - where every thread of a tree spends its life, and what the tree uses, by BPF.
 *
 *     balance_open     loads; the launched command may wait meanwhile
 *     balance_start    from here on the tree is observed
 *     balance_drain    again and again: what the kernel has gathered goes into the account
 *     balance_finish   closes what is still alive, and adds sums and tables
 *
 * Call from one thread.
 */
#ifndef COLLECT_BALANCE_BALANCE_H
#define COLLECT_BALANCE_BALANCE_H

#include <sys/types.h>

#include "model/account.h"

struct balance_request {
	pid_t launch;         /* a child of ours that will execute a program; 0: none */
	const uint32_t *pids; /* else processes that run already, with what they have made */
	size_t pid_count;
	bool syscalls, latency; /* count system calls; with their times and errors */
	bool files;             /* bytes and misses by path */
	bool glances;           /* each living process at every moment */
};

struct balance;

/**
 * balance_open - load everything
 *
 * Return: 0; -EPERM or -EACCES not permitted; -ENOTSUP the kernel lacks what it takes; -errno; always
 * with fail() said.
 */
nodiscard int balance_open(const struct balance_request *request, struct account *account,
			   struct balance **ret_balance);

/** balance_start - Return: 0; -ESRCH when one of the processes is not there; -errno; fail() is said */
nodiscard int balance_start(struct balance *balance);

/** balance_drain - Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int balance_drain(struct balance *balance);

/** balance_alive - threads of the tree that have not ended */
uint64_t balance_alive(const struct balance *balance);

/** balance_root_born - when the command executed its program; 0: not yet */
uint64_t balance_root_born(const struct balance *balance);

/** balance_moment - sums by now, of the living and the dead.  Return: 0; -ENOMEM; -errno */
nodiscard int balance_moment(struct balance *balance);

/** balance_finish - the end of the run, once.  Return: 0; -errno with fail() said */
nodiscard int balance_finish(struct balance *balance);

/** balance_descriptor - readable when a drain is due, for poll() */
int balance_descriptor(const struct balance *balance);
void balance_close(struct balance *balance);
own_define(struct balance, balance_close)

#endif
