/* SPDX-License-Identifier: MIT */
/* steps.h - the steps of time of series and heat maps. */
#ifndef SERVE_STEPS_H
#define SERVE_STEPS_H

#include "base/json.h"
#include "serve/message.h"

#define STEPS_USUAL 200

/**
 * steps_read - 'step', or one that makes about STEPS_USUAL of a span
 * @finest_ns: less makes no sense
 *
 * Return: 0; -EINVAL with fail() said.
 */
nodiscard int steps_read(const struct request *request, uint64_t span_ns, uint64_t finest_ns,
			 uint64_t *ret_step_ns);

/** steps_put - start, length and number into the object that is open */
void steps_put(struct json *json, uint64_t start_unix_ns, uint64_t step_ns, size_t steps);

#endif
