/* SPDX-License-Identifier: MIT */
/* latency_unseen.h - calls that probes do not see: inlined ones, and those of files that changed. */
#ifndef SESSION_LATENCY_UNSEEN_H
#define SESSION_LATENCY_UNSEEN_H

#include <sys/stat.h>

#include "session/latency_plan.h"

/** latency_file_changed_ns - when a file was written to last */
uint64_t latency_file_changed_ns(const struct stat *status);

/** latency_file_inlined - places where DWARF says that a function was inlined; 0: none, or it is silent */
uint32_t latency_file_inlined(const struct latency_file *file, const char *name);

/** latency_plan_note_inlined - say in plan->unseen what was inlined of some functions.  0; -ENOMEM */
nodiscard int latency_plan_note_inlined(struct latency_plan *plan, const struct latency_file *file,
					const struct functions *found);

#endif
