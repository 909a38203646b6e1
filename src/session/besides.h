/* SPDX-License-Identifier: MIT */
/* besides.h - what is taken of the tree of a run besides its balance: stacks, events.  For session/ only.
 *
 *     besides_open     when the balance is being taken; the launched command waits meanwhile
 *     besides_drain    again and again
 *     besides_stop     before the balance ends
 *     besides_finish   the rest, and names
 */
#ifndef SESSION_BESIDES_H
#define SESSION_BESIDES_H

#include "session/recording.h"
#include "session/run.h"
#include "session/watch.h"

struct besides {
	struct recording_request recording_request;
	struct recording *recording; /* NULL: no stacks */
	vec(uint32_t) pids;          /* of a tree that runs already */
	struct watch_request watch_request;
	struct watch_tree tree;
	struct watch *watch; /* NULL: no events, or they cannot be written any more */
	struct coverage watch_coverage;
};

#define BESIDES_DESCRIPTORS 2

/**
 * besides_open - load and start what the request asks for
 * @launch: the command that waits; 0: none
 * @account: whose processes are the tree that runs already; what cannot be had is noted in it
 *
 * Return: 0; -ENOMEM; -errno with fail() said.  Call besides_done() in any case.
 */
nodiscard int besides_open(struct besides *besides, const struct run_request *request, pid_t launch,
			   struct account *account);

/** besides_descriptors - readable when a drain is due before its time, for poll(); -1: never */
void besides_descriptors(const struct besides *besides, int fds[BESIDES_DESCRIPTORS]);

/** besides_drain - Return: 0; -ENOMEM; -errno with fail() said */
nodiscard int besides_drain(struct besides *besides);
void besides_stop(struct besides *besides);

/** besides_finish - after the stop, once.  @ret_profile: the caller's; NULL without stacks */
nodiscard int besides_finish(struct besides *besides, struct profile **ret_profile);
void besides_done(struct besides *besides);

#endif
