/* SPDX-License-Identifier: MIT */
/* calls.h - which system calls the time of a tree went to, the most first.
 *
 * Waiting in them is measured; how much of the running they are, the ticks of the timer tell.
 */
#ifndef REPORT_CALLS_H
#define REPORT_CALLS_H

#include "model/account.h"

struct call_order {
	uint16_t numbers[BALANCE_CALLS]; /* of account.calls, those that took any time */
	size_t count;
	uint64_t ticks; /* of all */
};

/** call_order - by waiting plus running; equal ones by number */
struct call_order call_order(const struct account *account);

#endif
