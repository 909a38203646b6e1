/* SPDX-License-Identifier: MIT */
/* verb.c - the table of verbs; the build writes verbs.inc, one VERB(name) for each
 * cmd/NAME.options.c, so that a new verb needs no edit here.
 */
#include "cmd/option.h"

#define VERB(name) extern const struct verb verb_##name;
#include "cmd/verbs.inc"
#undef VERB

const struct verb *const verbs[] = {
#define VERB(name) &verb_##name,
#include "cmd/verbs.inc"
#undef VERB
	NULL,
};
