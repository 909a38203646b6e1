/* SPDX-License-Identifier: MIT */
/* views.h - how the records of some collectors look: what sinks and stores are told before the first. */
#ifndef SESSION_VIEWS_H
#define SESSION_VIEWS_H

#include "collect/collector.h"
#include "model/record_sink.h"

struct views {
	vec(struct record_view) list;
	vec(const struct schema *) schemas; /* what the list points to */
};

/**
 * views_of - one view for each collector
 * @syscalls, @standing: also what comes only on request
 *
 * Return: 0; -ENOMEM.  Call views_done() in any case.
 */
nodiscard int views_of(const struct collector *const *chosen, bool syscalls, bool standing,
		       struct views *views);

/** views_of_host - of every collector there is, as the daemon records them.  Return: as views_of() */
nodiscard int views_of_host(struct views *views);
void views_done(struct views *views);

#endif
