/* SPDX-License-Identifier: MIT */
/* latency_json.h - latencies as keys of the JSON object that is open. */
#ifndef SHOW_LATENCY_JSON_H
#define SHOW_LATENCY_JSON_H

#include "base/json.h"
#include "model/latency.h"

/** latency_row_json - what it is about, and its figures over a span; what was not measured is null */
void latency_row_json(struct json *json, const struct latency_row *row, uint64_t span_ns);

/** latency_coverage_json - what was lost, and what was not measured */
void latency_coverage_json(struct json *json, const struct coverage *coverage);

/**
 * latency_slow_json - a slow call, but for when it was
 * @profile: of its stacks; NULL: it is not divided yet
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int latency_slow_json(struct json *json, const struct profile *profile,
				const struct latency_slow *slow);

#endif
