/* SPDX-License-Identifier: MIT */
/* profiles.h - what the answers about profiles have in common. */
#ifndef SERVE_PROFILES_H
#define SERVE_PROFILES_H

#include "base/json.h"
#include "store/profile_read.h"

/* What was sampled, by enum profile_time. */
#define PROFILE_KINDS 3
extern const char *const profile_kinds[PROFILE_KINDS];

/** profile_put_head - span, samples, losses and coverage into the object that is open */
void profile_put_head(struct json *json, const struct profile *profile,
		      const struct profile_query *query);

#endif
