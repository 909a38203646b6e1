/* SPDX-License-Identifier: MIT */
/* unwinder.h - walks the stacks that the kernel could not walk, and tells it what it lacked.
 *
 * A sample whose process or code the kernel has no table for comes with a piece of its stack
 * (enum unwind_raw).  It is walked here by the same rules, and the tables that the walk used go to
 * the kernel, which walks the next one by itself.
 */
#ifndef SESSION_UNWINDER_H
#define SESSION_UNWINDER_H

#include "collect/unwind_tables.h"
#include "model/opener.h"
#include "resolve/maps.h"
#include "session/files.h"

struct unwinder;

/** unwinder_new - @tables: belongs to the caller, must outlive the unwinder */
nodiscard int unwinder_new(struct unwind_tables *tables, const struct strings *paths,
			   struct unwinder **ret_unwinder);
void unwinder_free(struct unwinder *unwinder);
own_define(struct unwinder, unwinder_free)

/* What belongs to one walk. */
struct unwinder_task {
	uint32_t pid;                    /* as /proc knows it */
	uint32_t kernel_pid;             /* as the kernel's tables are keyed */
	const struct mappings *mappings; /* of the process; empty when they are not known */
	const uint64_t *frames;          /* that the kernel walked, leaf first */
	uint32_t walked;
	const uint64_t *raw; /* enum unwind_raw, of the last of them */
	uint32_t words;      /* of raw */
	bool is_told;        /* the kernel was told of these mappings after it took the sample */
};

struct unwinder_walk {
	uint64_t *frames; /* belongs to the unwinder, until its next walk; leaf first */
	uint32_t count;
	uint8_t stop; /* enum stack_stop */
};

/** unwinder_complete - Return: 0; -ENOMEM */
nodiscard int unwinder_complete(struct unwinder *unwinder, const struct unwinder_task *task,
				struct unwinder_walk *ret_walk);

/** unwinder_forget - a process ended */
void unwinder_forget(struct unwinder *unwinder, uint32_t kernel_pid);

#endif
