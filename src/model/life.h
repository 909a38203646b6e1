/* SPDX-License-Identifier: MIT */
/* life.h - one record for each process, made of what the collector 'process' told of it: fork, exec and exit
 * together.  Its schema has the fields of all three, each once, and
 *
 *     at          when it was forked; where that was not seen, when it was seen first
 *     ended       its end; where that was not seen, when it was known to be there last
 *     is_over     it has ended, or is not known to be there
 *
 * exit_code is null of a process whose end was not seen.
 */
#ifndef MODEL_LIFE_H
#define MODEL_LIFE_H

#include "model/record_sink.h"

struct life {
	struct schema schema;
	vec(struct field) fields;
	const struct schema *list[2];
	struct record_view view; /* to be put beside the others */
};

/**
 * life_init - from the views of all collectors
 *
 * Return: 0, with no fields where there is no collector 'process'; -ENOMEM.  It must not move afterwards.
 */
nodiscard int life_init(struct life *life, const struct record_view *views, size_t view_count);
void life_done(struct life *life);

#endif
