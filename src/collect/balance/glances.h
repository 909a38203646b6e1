/* SPDX-License-Identifier: MIT */
/* glances.h - each living process of the tree at a moment, put into the account.  Private to this folder. */
#ifndef COLLECT_BALANCE_GLANCES_H
#define COLLECT_BALANCE_GLANCES_H

#include "collect/balance/balance.wire.h"
#include "model/account.h"

/** glances_begin - forget those of the last moment */
void glances_begin(struct account *account);

/**
 * glances_add - a living thread, which joins its process
 * @thread: with its times as if it ended now
 * @task: how the kernel has it; NULL: it has just ended
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int glances_add(struct account *account, const struct balance_thread *thread,
			  const struct balance_task *task);

/** glances_end - what only /proc tells, once all threads are there */
void glances_end(struct account *account);

#endif
