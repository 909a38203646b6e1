/* SPDX-License-Identifier: MIT */
/* payload.h - a result as clients of an older profiler read it: lines that begin with #, an empty line, then
 * folded stacks without the name of the thread, root first.
 */
#ifndef SERVE_PAYLOAD_H
#define SERVE_PAYLOAD_H

#include "serve/message.h"
#include "serve/sessions.h"

/** payload_write - the same at each reading.  Return: 0; -ENOMEM */
nodiscard int payload_write(const struct sessions_state *state, const struct profile *profile,
			    uint64_t depth, struct response *response);

#endif
