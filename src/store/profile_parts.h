/* SPDX-License-Identifier: MIT */
/* profile_parts.h - threads, frames and stacks of the store as those of a profile; for src/store alone.
 *
 * Numbers of the store are dense, so what they are in the profile stands in arrays; less 1, 0: unknown.
 */
#ifndef STORE_PROFILE_PARTS_H
#define STORE_PROFILE_PARTS_H

#include <sqlite3.h>

#include "model/profile.h"
#include "store/reader.h"

/* A frame of a stack, and the stack that ends in it. */
struct profile_step {
	uint32_t frame, stack;
};

/* The stacks that go on from a stack. */
struct profile_children {
	uint32_t first, next, few;
};

struct profile_parts {
	struct store_reader *reader;
	struct profile *profile;
	sqlite3_stmt *find_stack, *find_frame, *find_task;
	vec(uint32_t) stacks, frames, tasks;
	struct index processes;                 /* by PID and name */
	vec(struct profile_step) chain, before; /* the stack at hand, and the one before it */
	vec(struct profile_children) children;  /* by stack of the profile */
	struct index many;                      /* those of stacks that have many */
};

/** profile_parts_open - Return: 0; -errno with fail() said; profile_parts_done() in either case */
nodiscard int profile_parts_open(struct profile_parts *parts, struct store_reader *reader,
				 struct profile *profile);
void profile_parts_done(struct profile_parts *parts);

/** profile_parts_task - the number of a thread.  Return: 0; -ENOMEM; -ETIME; -errno with fail() said */
nodiscard int profile_parts_task(struct profile_parts *parts, int64_t id, uint32_t *ret_number);

/** profile_parts_stack - likewise of a stack */
nodiscard int profile_parts_stack(struct profile_parts *parts, int64_t id, uint32_t *ret_number);

/**
 * profile_parts_stacks - make known many stacks at once, if that is the faster way
 * @wanted: by number in the store, 0: it is not
 * @count: how many are
 */
nodiscard int profile_parts_stacks(struct profile_parts *parts, const uint32_t *wanted, size_t len,
				   size_t count);

#endif
