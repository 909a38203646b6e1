/* SPDX-License-Identifier: MIT */
/* programs.h - a process tree drawn together: processes of one name that come from processes of one
 * name are one row.
 *
 *     make ×1
 *       sh ×50
 *         gcc ×50
 */
#ifndef REPORT_PROGRAMS_H
#define REPORT_PROGRAMS_H

#include "model/account.h"

struct program_row {
	const char *name; /* base name of the program */
	uint32_t parent;  /* a smaller number; ACCOUNT_NONE: at the top */
	uint32_t depth;
	uint64_t count, failed;  /* processes, and those with another status than 0 */
	uint64_t rss_peak_bytes; /* of the largest */
	struct balance_times times;
};

struct programs {
	vec(struct program_row) rows; /* a parent before its children, the longest first */
};

/** programs_make - Return: 0; -ENOMEM.  The names live as long as the account */
nodiscard int programs_make(const struct account *account, struct programs *ret_programs);
void programs_done(struct programs *programs);

#endif
