/* SPDX-License-Identifier: MIT */
/* signals.h - signals that ask a run to end, taken by descriptor.
 *
 * Of a command, one from the terminal reaches it by itself; another one is passed on.
 * In a thread of a daemon a descriptor of its caller stands in their place.
 */
#ifndef SESSION_SIGNALS_H
#define SESSION_SIGNALS_H

#include <signal.h>

#include "session/launch.h"

struct signals {
	int fd;            /* signalfd */
	sigset_t old_mask; /* of our caller, for the command */
	unsigned stops;    /* that asked us to end */
	bool is_lent;      /* no signal is taken: `fd` is the caller's */
};

/** signals_take - from here on they come by descriptor.  Return: 0; -errno with fail() said */
nodiscard int signals_take(struct signals *signals);

/**
 * signals_take_or - of a run that may be one of many in a process
 * @stop: a descriptor that becomes readable when it should end; 0: signals say so
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int signals_take_or(struct signals *signals, int stop);

/** signals_read - all that have come; one of a child has the command reaped */
void signals_read(struct signals *signals, struct launch *launch);

/** signals_give_back - as before signals_take(); accepts one that was never taken (fd < 0) */
void signals_give_back(struct signals *signals);

#endif
