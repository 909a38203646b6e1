/* SPDX-License-Identifier: MIT */
/* debuginfod.h - debug files from a debuginfod server, by build-id; only where the user asks for it.
 *
 * libdebuginfod does it: it asks the servers of $DEBUGINFOD_URLS and keeps what it got in
 * $DEBUGINFOD_CACHE_PATH.  It is loaded when it is used first, so that nobody else pays for it.
 */
#ifndef COLLECT_DEBUGINFOD_H
#define COLLECT_DEBUGINFOD_H

#include "base/own.h"

struct debuginfod;

/**
 * debuginfod_new - prepare to ask
 *
 * Return: 0; -ENOTSUP without the library; -EINVAL without servers; with fail() said.
 */
nodiscard int debuginfod_new(struct debuginfod **ret_debuginfod);
void debuginfod_free(struct debuginfod *debuginfod);
own_define(struct debuginfod, debuginfod_free)

/** debuginfod_open - the debug file of a build-id (lower-case hex); fd; -ENOENT; -errno */
nodiscard int debuginfod_open(struct debuginfod *debuginfod, const char *build_id);

#endif
