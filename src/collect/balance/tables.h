/* SPDX-License-Identifier: MIT */
/* tables.h - what the programs add up in maps, read at the end of a run.  Private to this folder. */
#ifndef COLLECT_BALANCE_TABLES_H
#define COLLECT_BALANCE_TABLES_H

#include "collect/balance/ledger.h"

/* Each adds the contents of a map to the account.  Return: 0; -ENOMEM; -errno with fail() said. */
nodiscard int tables_totals(struct account *account, int map);
nodiscard int tables_calls(struct account *account, int map);
nodiscard int tables_peers(struct account *account, int peers, int sockets);
nodiscard int tables_devices(struct account *account, int map);

/** tables_spaces - address spaces that outlive the run */
nodiscard int tables_spaces(struct ledger *ledger, int map);

/** tables_memory - the peak of the tree, and who held it; after all spaces are known */
void tables_memory(struct ledger *ledger, const struct balance_memory *memory);

/** tables_add_call - a wait that the end of the run cut short; before tables_calls() or behind it */
void tables_add_call(struct account *account, int number, uint64_t blocked_ns);

/** tables_running - the program of a process that ran before, from /proc.  Return: 0; -ENOMEM */
nodiscard int tables_running(struct account *account, const struct balance_thread *thread);

#endif
