/* SPDX-License-Identifier: MIT */
/* ahead.h - programs of the next profile on demand, loaded before somebody asks for one.
 *
 *     ahead_want ──> loaded in a thread of its own ──> ahead_take: there is none until ahead_want()
 *
 * One lies ready at a time.  Call from any thread.
 */
#ifndef SESSION_AHEAD_H
#define SESSION_AHEAD_H

#include <stdbool.h>

#include "base/own.h"

struct ahead;
struct cpu_spare;

/** ahead_new - nothing is loaded before ahead_want().  Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int ahead_new(struct ahead **ret_ahead);
void ahead_free(struct ahead *ahead);
own_define(struct ahead, ahead_free)

/** ahead_want - load what lies ready for the next one, unless it does; returns at once */
void ahead_want(struct ahead *ahead);

/** ahead_take - what lies ready, which is the caller's from here on; NULL: nothing does */
struct cpu_spare *ahead_take(struct ahead *ahead);

/** ahead_return - it was not used; NULL: there was none, or it was */
void ahead_return(struct ahead *ahead, struct cpu_spare *spare);

/** ahead_is_ready - whether something lies ready */
bool ahead_is_ready(struct ahead *ahead);

#endif
