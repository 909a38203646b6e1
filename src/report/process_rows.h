/* SPDX-License-Identifier: MIT */
/* process_rows.h - the processes of an account as lines of a tree: each behind its parent, by birth. */
#ifndef REPORT_PROCESS_ROWS_H
#define REPORT_PROCESS_ROWS_H

#include "model/account.h"

struct process_row {
	uint32_t process; /* of account.processes */
	uint32_t depth;
};

struct process_rows {
	vec(struct process_row) rows;
	size_t left_out; /* the shortest lives, where there are more than wanted */
};

/** process_rows_make - at most @max of them.  Return: 0; -ENOMEM */
nodiscard int process_rows_make(const struct account *account, size_t max,
				struct process_rows *ret_rows);
void process_rows_done(struct process_rows *rows);

#endif
