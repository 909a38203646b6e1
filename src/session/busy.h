/* SPDX-License-Identifier: MIT */
/* busy.h - how long each process was on CPUs, by the samples of a profile that is being taken, from call to
 * call.  For session/ only.
 */
#ifndef SESSION_BUSY_H
#define SESSION_BUSY_H

#include "model/profile.h"

struct busy {
	size_t moments;        /* that were told, */
	vec(uint64_t) entries; /* or of each entry so much */
	vec(uint64_t) ns;      /* by process, of this call */
};

void busy_done(struct busy *busy);

/** busy_forget - the profile begins again from nothing */
void busy_forget(struct busy *busy);

/** busy_each - what came since the last call.  Return: 0; -ENOMEM */
nodiscard int busy_each(struct busy *busy, const struct profile *profile,
			void (*each)(void *context, uint32_t pid, const char *comm, uint64_t ns),
			void *context);

#endif
