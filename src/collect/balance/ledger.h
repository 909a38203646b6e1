/* SPDX-License-Identifier: MIT */
/* ledger.h - what the programs send, put into the account.  Private to this folder. */
#ifndef COLLECT_BALANCE_LEDGER_H
#define COLLECT_BALANCE_LEDGER_H

#include "collect/balance/balance.wire.h"
#include "model/account.h"

/* What is known of an address space that is gone. */
struct ledger_space_row {
	uint32_t process;
	uint64_t peak_pages, pages_at_peak, peak;
};

struct ledger {
	struct account *account;
	vec(struct ledger_space_row) spaces;
	uint64_t peak; /* number of the maximum of the tree, once that is known */
};

/**
 * ledger_take - one record
 *
 * One that is shorter than what it claims to be is dropped.  Return: 0; -ENOMEM.
 */
nodiscard int ledger_take(struct ledger *ledger, const void *data, size_t len);

/** ledger_thread - as its record; @thread->died is set.  Return: 0; -ENOMEM */
nodiscard int ledger_thread(struct ledger *ledger, const struct balance_thread *thread);

/** ledger_space - as its record.  Return: 0; -ENOMEM */
nodiscard int ledger_space(struct ledger *ledger, const struct balance_space *space);

/** ledger_memory - who held how much when the tree had most, once all spaces are known */
void ledger_memory(struct ledger *ledger, uint64_t page_bytes);

/** ledger_close - an interval that the end of the run cuts short; the kernel's way, in user space
 * @task: how the kernel found the thread; NULL: it was not there any more
 */
void ledger_close(struct balance_cell *cell, const struct balance_task *task, uint64_t at);

#endif
