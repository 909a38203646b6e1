/* SPDX-License-Identifier: MIT */
/* balance.h - what the account of a run says: parts of a life in order of size, the checks that show
 * whether it can be believed, and one sentence on what dominated.
 */
#ifndef REPORT_BALANCE_H
#define REPORT_BALANCE_H

#include "model/account.h"

/* Parts of a life: running, waiting for a CPU, and each reason to be blocked. */
enum {
	PART_RUNNING,
	PART_RUNQ,
	PART_BLOCKED, /* + enum block_reason */
	PART_COUNT = PART_BLOCKED + BALANCE_REASONS
};

/** part_ns - how long one part is */
uint64_t part_ns(const struct balance_times *times, unsigned part);

/** part_words - "running", "waiting for a CPU", "disk" */
const char *part_words(unsigned part);

/** part_key - "running", "runq", "fault_disk" */
const char *part_key(unsigned part);

struct part_order {
	unsigned parts[PART_COUNT]; /* those that are not 0, the longest first */
	size_t count;
};
struct part_order part_order(const struct balance_times *times);

/* Whether the account agrees with itself and with the kernel. */
struct balance_checks {
	uint64_t threads_with_residual;
	int64_t residual_ns;           /* all together */
	uint64_t threads_compared;     /* that ended within the run */
	uint64_t threads_off_switches; /* of these: other numbers of switches than the kernel's */
	/* Of the same: the kernel is asked about the others when they have gone on for a while. */
	int64_t kernel_difference_ns; /* running + waiting for a CPU, less what the kernel counts */
	uint64_t kernel_bound_ns;   /* 3 %, 20 us for each wait, and what the machine's host took */
	uint64_t threads_off_times; /* whose own difference is above their own bound */
};
struct balance_checks balance_checks(const struct account *account);

/** balance_main_thread - the first thread of the command; NULL: not known */
const struct account_thread *balance_main_thread(const struct account *account);

/* What to say first. */
struct balance_headline {
	unsigned part;       /* of all lives, waits for children apart */
	double share_pct;    /* of those */
	uint64_t without_ns; /* all lives, without waits for children */
	const char *advice;  /* a clause on what to look at next */
};
struct balance_headline balance_headline(const struct account *account);

#endif
