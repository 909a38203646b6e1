/* SPDX-License-Identifier: MIT */
/* signals.h - signals that ask a run to end, taken by descriptor.
 *
 * Of a command, one from the terminal reaches it by itself; another one is passed on.
 */
#ifndef SESSION_SIGNALS_H
#define SESSION_SIGNALS_H

#include <signal.h>

#include "session/launch.h"

struct signals {
	int fd;            /* signalfd */
	sigset_t old_mask; /* of our caller, for the command */
	unsigned stops;    /* that asked us to end */
};

/** signals_take - from here on they come by descriptor.  Return: 0; -errno with fail() said */
nodiscard int signals_take(struct signals *signals);

/** signals_read - all that have come; one of a child has the command reaped */
void signals_read(struct signals *signals, struct launch *launch);

/** signals_give_back - as before signals_take(); accepts one that was never taken (fd < 0) */
void signals_give_back(struct signals *signals);

#endif
